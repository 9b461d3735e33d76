"""The version is defined in one place, and everything that shows it agrees."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from contracts import __version__
from services.cli.__main__ import main
from tests.changelog import releases
from tests.release import Checkout, problems, shown_versions

ROOT = Path(__file__).parents[2]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_version_has_three_numbers():
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


def test_package_takes_its_version_from_the_contracts():
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "contracts.__version__"}
    source = (ROOT / "contracts" / "__init__.py").read_text()
    assert re.findall(r'^__version__ = "(.+)"$', source, re.MULTILINE) == [__version__]


def test_documents_and_changelog_have_the_version():
    assert set(shown_versions().values()) == {__version__}


@pytest.mark.parametrize("page", ["README.md", "docs/deploy.md"])
def test_pages_name_the_wheel_of_the_version(page):
    assert set(re.findall(r"extrato-(.+?)-py3-none-any\.whl", (ROOT / page).read_text())) == {__version__}


def test_command_line_shows_the_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"extrato {__version__}\n"


def test_changelog_dates_the_version():
    assert releases(CHANGELOG)[0].date is not None


READY = Checkout(changed=(), branch="main", tags=("v0.1.0",))
DATED = "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-11-29\n\n- One.\n\n## [0.1.0] - 2026-11-23\n"


def test_clean_main_with_a_dated_section_can_be_released():
    assert problems(READY, DATED, {"CHANGELOG.md": "0.2.0"}, "0.2.0") == []


@pytest.mark.parametrize(
    ("changes", "changelog", "shown", "sentence"),
    [
        ({"changed": (" M README.md",)}, DATED, "0.2.0", "The checkout has uncommitted files: README.md."),
        ({"branch": "fix"}, DATED, "0.2.0", "The branch is fix, and releases come from main."),
        ({"branch": ""}, DATED, "0.2.0", "The branch is none, and releases come from main."),
        ({"tags": ("v0.2.0",)}, DATED, "0.2.0", "The tag v0.2.0 exists: raise `__version__` in contracts/__init__.py."),
        ({}, DATED, "0.1.0", "a.json shows 0.1.0, and the version is 0.2.0."),
        ({}, DATED.replace(" - 2026-11-29", ""), "0.2.0", "CHANGELOG.md has no section `## [0.2.0] - YYYY-MM-DD`."),
        ({}, DATED.replace("11-29", "13-29"), "0.2.0", "CHANGELOG.md has no section `## [0.2.0] - YYYY-MM-DD`."),
        (
            {},
            DATED.replace("## [Unreleased]", "## [Unreleased]\n\n- Two."),
            "0.2.0",
            "CHANGELOG.md has unreleased entries: move them to 0.2.0.",
        ),
    ],
)
def test_release_is_refused(changes, changelog, shown, sentence):
    assert problems(READY._replace(**changes), changelog, {"a.json": shown}, "0.2.0") == [sentence]
