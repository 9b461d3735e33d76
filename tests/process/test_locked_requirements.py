"""The lock files name exactly what is installed, and no machine."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.process.conftest import ROOT

LOCKS = ["run.txt", "embedded.txt", "telemetry.txt", "dev.txt"]
# The files that install from them. Only the image lacks the embedded servers; it may have the telemetry.
INSTALLERS = {"Makefile": r"\$\(PIP\) install (.*)", "deploy/Dockerfile": r"/bin/pip install (.*)"}


def text_of(lock):
    return (ROOT / "requirements" / lock).read_text()


def locked(lock):
    return {
        re.sub(r"[-_.]+", "-", name).lower(): version
        for name, version in re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", text_of(lock), re.MULTILINE)
    }


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_with_hashes(lock):
    entries = re.split(r"\n(?=[A-Za-z])", re.sub(r"^ *#.*\n?", "", text_of(lock), flags=re.MULTILINE).strip())
    assert entries
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", entry), entry


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_files_name_no_machine(lock):
    assert not re.search(r"https?://|file://|index-url|find-links|trusted-host| /", text_of(lock))


def test_every_dependency_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    def names(words):
        return {re.sub(r"[-_.]+", "-", re.split(r"[\[<>=~! ]", word)[0]).lower() for word in words}

    assert names(project["dependencies"]) <= set(locked("run.txt"))
    assert names(project["optional-dependencies"]["dev"]) <= set(locked("dev.txt"))


def test_only_the_embedded_servers_are_missing_in_the_run_lock():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    left_out = set(locked("embedded.txt")) - set(locked("run.txt"))
    # The wheel of PostgreSQL depends on these two.
    assert left_out == {*project["optional-dependencies"]["embedded"], "fasteners", "platformdirs"}


def test_each_lock_has_the_versions_of_the_smaller_one():
    assert locked("run.txt").items() <= locked("embedded.txt").items() <= locked("dev.txt").items()
    assert locked("run.txt").items() <= locked("telemetry.txt").items() <= locked("dev.txt").items()


def test_run_lock_has_no_telemetry():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    telemetry = set(project["optional-dependencies"]["telemetry"])
    assert telemetry <= set(locked("telemetry.txt"))
    assert not [name for name in locked("embedded.txt") if "opentelemetry" in name]


def test_pip_installs_wheels_only():
    installs = [each for file, how in INSTALLERS.items() for each in re.findall(how, (ROOT / file).read_text())]
    # One command of the image installs run.txt or telemetry.txt.
    assert len(installs) == len(LOCKS) - 1
    assert all("--only-binary :all:" in options and "--require-hashes" in options for options in installs)
