"""The checker of the core's rules finds what breaks them, and the sources break none."""

from __future__ import annotations

import ast

from tests.rules.checker import appends, problems, silent_wildcards


def test_the_sources_break_no_rule():
    assert problems() == []


def test_a_silent_wildcard_is_found():
    match = "match event:\n    case events.WatchStarted() | ChargeCreated():\n        pass\n    case {}:\n        {}\n"
    assert silent_wildcards(ast.parse(match.format("_", "return payment"))) == [4]
    assert silent_wildcards(ast.parse(match.format("other", "return other"))) == [4]
    assert silent_wildcards(ast.parse(match.format("_", "assert_never(event)"))) == []
    assert silent_wildcards(ast.parse("match value:\n    case str():\n        pass\n    case _:\n        pass\n")) == []


def test_an_append_beside_the_command_handler_is_found():
    source = "await hub.log.append(event)\nself._appender.append(event)\nevents.append(event)\n"
    assert appends(ast.parse(source)) == [1, 2]
