"""Finds places that break a rule of the core, by reading the sources."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Final, get_args

import extrato
from contracts.events import EVENTS
from extrato.domain import merchant
from extrato.domain.payment import commands, state

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(extrato.__file__).parent.parent
DECIDING: Final = ("extrato/domain", "extrato/use_cases")
WRITING: Final = ("extrato", "services")
COMMAND_HANDLER: Final = "extrato/use_cases/command_handler.py"
# The event log delegates to its appender.
LOG: Final = "extrato/store/event_log.py"
UNIONS: Final = (commands.Command, state.Payment, merchant.Command, merchant.Merchant)
NAMES: Final = {kind.__name__ for kind in (*EVENTS, *(kind for union in UNIONS for kind in get_args(union)))}


def problems() -> list[str]:
    """Return one line for each place that breaks a rule, with file and line."""
    found = [
        f"{path}:{line}: this match takes an event, command or state that it does not name; end it with assert_never."
        for path, tree in _sources(DECIDING)
        for line in silent_wildcards(tree)
    ]
    return found + [
        f"{path}:{line}: only {COMMAND_HANDLER} appends to the log."
        for path, tree in _sources(WRITING)
        if path not in {COMMAND_HANDLER, LOG}
        for line in appends(tree)
    ]


def silent_wildcards(tree: ast.AST) -> list[int]:
    """Return the lines at which a match over events, commands or states takes what it does not name."""
    matches = [node for node in ast.walk(tree) if isinstance(node, ast.Match)]
    return [
        case.pattern.lineno
        for match in matches
        if any(NAMES & _classes_of(case.pattern) for case in match.cases)
        for case in match.cases
        if isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None
        if not ast.unparse(case.body[0]).startswith("assert_never(")
    ]


def appends(tree: ast.AST) -> list[int]:
    """Return the lines that call `append` of a log or of its appender."""
    calls = [
        node.func for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    owners = [(call, ast.unparse(call.value).rsplit(".", 1)[-1].strip("_")) for call in calls if call.attr == "append"]
    return sorted(call.lineno for call, owner in owners if owner in {"log", "appender"})


def _classes_of(pattern: ast.pattern) -> set[str]:
    return {ast.unparse(node.cls).split(".")[-1] for node in ast.walk(pattern) if isinstance(node, ast.MatchClass)}


def _sources(folders: tuple[str, ...]) -> Iterator[tuple[str, ast.Module]]:
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield str(file.relative_to(ROOT)), ast.parse(file.read_text(encoding="utf-8"))
