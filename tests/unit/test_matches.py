"""Every match of the domain names all its events, commands and states, so that the type checker finds a missing one."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import pytest

import extrato
from contracts.events import EVENTS
from extrato.domain import merchant
from extrato.domain.payment import commands, state

ROOT = Path(extrato.__file__).parent
SOURCES = sorted([*(ROOT / "domain").rglob("*.py"), *(ROOT / "use_cases").rglob("*.py")])
UNIONS = (commands.Command, state.Payment, merchant.Command, merchant.Merchant)
NAMES = {kind.__name__ for kind in (*EVENTS, *(kind for union in UNIONS for kind in get_args(union)))}


def silent_wildcards(source: str) -> list[int]:
    """Return the lines at which a match over events, commands or states has a reachable wildcard."""
    matches = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Match)]
    return [
        case.pattern.lineno
        for match in matches
        if any(NAMES & classes_of(case.pattern) for case in match.cases)
        for case in match.cases
        if isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None
        if not ast.unparse(case.body[0]).startswith("assert_never(")
    ]


def classes_of(pattern: ast.pattern) -> set[str]:
    return {ast.unparse(node.cls).split(".")[-1] for node in ast.walk(pattern) if isinstance(node, ast.MatchClass)}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_match_names_its_events_commands_and_states(path: Path):
    assert silent_wildcards(path.read_text()) == []


def test_reachable_wildcard_is_found():
    match = "match event:\n    case events.WatchStarted() | ChargeCreated():\n        pass\n    case {}:\n        {}\n"
    assert silent_wildcards(match.format("_", "return payment")) == [4]
    assert silent_wildcards(match.format("other", "return other")) == [4]
    assert silent_wildcards(match.format("_", "assert_never(event)")) == []
    assert silent_wildcards("match value:\n    case str():\n        pass\n    case _:\n        pass\n") == []
