"""The version has one place, and everything that shows it shows the same."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from contracts import __version__
from services.cli.__main__ import main
from tests.changelog import releases

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_version_has_three_numbers():
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


def test_the_package_takes_its_version_from_the_contracts():
    assert PROJECT["project"]["dynamic"] == ["version"]
    source = (ROOT / PROJECT["tool"]["hatch"]["version"]["path"]).read_text()
    assert re.findall(r'^__version__ = "(.+)"$', source, re.MULTILINE) == [__version__]


@pytest.mark.parametrize("document", ["openapi", "asyncapi"])
def test_generated_documents_show_the_version(document):
    assert json.loads((ROOT / "contracts" / f"{document}.json").read_text())["info"]["version"] == __version__


def test_the_command_line_shows_the_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"extrato {__version__}\n"


def test_the_latest_release_of_the_changelog_is_this_version():
    latest = releases((ROOT / "CHANGELOG.md").read_text())[0]
    assert (latest.version, latest.date is not None) == (__version__, True)
