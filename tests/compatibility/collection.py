"""Reads the claims of the tests from their source, without an import of the tests."""

from __future__ import annotations

import ast
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = "tests.compatibility"
DECORATOR: Final = "claim"
MODULE: Final = f"{PACKAGE}.{DECORATOR}"


class Claims(Struct, frozen=True, kw_only=True):
    """The claims of the tests.

    `proofs` are the tests of each statement, `file::function`, in the order of files and lines. `faults` has a sentence
    for each invalid claim.
    """

    proofs: dict[str, tuple[str, ...]]
    faults: tuple[str, ...] = ()


def collect(root: Path = ROOT) -> Claims:
    """Read every claim below `tests/`."""
    proofs: dict[str, tuple[str, ...]] = {}
    faults: list[str] = []
    for path in sorted((root / "tests").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if PACKAGE not in source:
            continue
        tree = ast.parse(source)
        file = path.relative_to(root).as_posix()
        if not _imports_the_decorator(tree):
            continue
        claims = _claims_of(tree) if fnmatch(path.name, "test_*.py") else {}
        for call, function in claims.items():
            for statement in _ids_of(call):
                proofs[statement] = (*proofs.get(statement, ()), f"{file}::{function}")
        faults += [f"{file}:{line} {fault}." for line, fault in sorted(_faults_of(tree, claims))]
    return Claims(proofs=proofs, faults=tuple(faults))


def _imports_the_decorator(tree: ast.Module) -> bool:
    return any(_is_import(node) or _is_hidden_import(node) for node in ast.walk(tree))


def _claims_of(tree: ast.Module) -> dict[ast.Call, str]:
    """Return the decorators on the tests that pytest collects from a file, each with the name of its test."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    # Of several functions with one name, Python keeps the last.
    last = {function.name: function for function in functions}
    return {
        decorator: function.name
        for function in functions
        if function.name.startswith("test_") and function is last[function.name]
        for decorator in function.decorator_list
        if isinstance(decorator, ast.Call) and _is_decorator(decorator.func)
    }


def _is_decorator(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == DECORATOR and isinstance(node.ctx, ast.Load)


def _ids_of(claim: ast.Call) -> Iterator[str]:
    for argument in claim.args:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield argument.value


def _faults_of(tree: ast.Module, claims: dict[ast.Call, str]) -> Iterator[tuple[int, str]]:
    """Return each fault with its line."""
    for claim in claims:
        ids = list(_ids_of(claim))
        if not ids or len(ids) < len(claim.args) or claim.keywords:
            yield claim.lineno, "claims something other than ids in literal strings"
        yield from ((claim.lineno, f"claims {each} twice") for each in sorted(set(ids)) if ids.count(each) > 1)
    on_tests = {claim.func for claim in claims}
    for node in ast.walk(tree):
        if _is_decorator(node) and node not in on_tests:
            yield node.lineno, f"uses `{DECORATOR}` on something other than a test that pytest collects"
        if _is_hidden_import(node):
            yield node.lineno, f"does not import `{DECORATOR}` by `from {MODULE} import {DECORATOR}`"


def _is_import(node: ast.AST) -> bool:
    """Return whether the node is the only form of import that makes claims valid."""
    return (
        isinstance(node, ast.ImportFrom)
        and node.module == MODULE
        and [(alias.name, alias.asname) for alias in node.names] == [(DECORATOR, None)]
    )


def _is_hidden_import(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        of_package = node.module == PACKAGE and any(alias.name == DECORATOR for alias in node.names)
        return of_package or (node.module == MODULE and not _is_import(node))
    return isinstance(node, ast.Import) and any(alias.name == MODULE for alias in node.names)
