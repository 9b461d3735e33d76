"""Finds what is English in the files of the checkout: Markdown, docstrings, comments, texts for users, log events.

Texts are the string literals of the program that look like an English sentence: operations, errors, help of the command
line. The generated files are read at their source. Portuguese is left out.
"""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.english.rules import COMMENTS, DOCSTRINGS, LOG_EVENTS, MARKDOWN, TEXTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT: Final = Path(__file__).parents[2]

# Written from contracts/, tests/compatibility/ and tests/third_party/; a licence; Portuguese.
LEFT_OUT: Final = re.compile(r"docs/errors\.md|docs/compatibility\.md|THIRD-PARTY\.md|LICENSE|.*\.pt-BR\.md")
NOT_OURS: Final = frozenset({"node_modules", "dist", "__pycache__"})
WITH_TEXTS: Final = ("contracts/", "extrato/", "services/", "tests/compatibility/", "tests/third_party/")
PRAGMA: Final = re.compile(r"#\s*(?:noqa\b|type:|pragma\b|fmt:|mypy:|!)[^#]*(?:#|$)")
STRING_OR_COMMENT: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'(?:\\.|[^\\])*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|#[^\n]*', re.DOTALL
)
LOG_METHODS: Final = frozenset({"debug", "info", "warning", "error", "exception", "critical"})

_ENGLISH: Final = re.compile(
    r"\b(?:the|is|are|of|to|and|with|has|not|for|it|that|by|from|which|must|was|or|be|can|cannot|this|already|an|its)\b",
    re.IGNORECASE,
)
_PORTUGUESE: Final = re.compile(
    r"[ãõçáéíóúâêô]|\b(?:de|da|do|dos|das|em|uma|os|que|para|com|por|pagamento|pelo|pela|seu|sua|este|esta|ou|foi|ser)\b",
    re.IGNORECASE,
)
_SQL: Final = re.compile(
    r"\b(?:SELECT|INSERT|UPDATE \w+ SET|DELETE FROM|CREATE|ALTER|DROP|GRANT|REVOKE|FROM \w+|WHERE|RETURNING|VALUES"
    r"|LOCK)\b"
)
_FEWEST_WORDS: Final = 3


class Text(NamedTuple):
    """Some English: its kind, its file below the root and its first line. Only some kinds can hold Markdown."""

    kind: str
    path: str
    line: int
    text: str

    @property
    def is_markdown(self) -> bool:
        """Return whether it may hold lists, tables and code blocks."""
        return self.kind in (MARKDOWN, DOCSTRINGS)


def texts(root: Path = ROOT) -> Iterator[Text]:
    """Find every text of the checkout."""
    for path in files(root):
        content = (root / path).read_text(encoding="utf-8")
        yield from of_file(path, content)


def files(root: Path) -> list[str]:
    """Return the paths of Markdown and Python files below `root`, sorted; hidden folders are left out but `.github`."""
    found = []
    for folder, inside, names in os.walk(root):
        inside[:] = [name for name in inside if name == ".github" or not (name.startswith(".") or name in NOT_OURS)]
        found += [str((Path(folder) / name).relative_to(root)) for name in names if name.endswith((".md", ".py"))]
    return sorted(path for path in found if not LEFT_OUT.fullmatch(path))


def of_file(path: str, content: str) -> Iterator[Text]:
    """Find the texts of one file."""
    if path.endswith(".md"):
        yield Text(MARKDOWN, path, 1, content)
        return
    if "#" in content:
        yield from _comments(path, content)
    nodes = list(ast.walk(ast.parse(content)))
    docstrings = {id(node): node for node in _docstrings(nodes)}
    for node in docstrings.values():
        yield Text(DOCSTRINGS, path, node.lineno, _dedented(str(node.value)))
    if path.startswith(WITH_TEXTS):
        yield from _literals(path, nodes, set(docstrings))


def _docstrings(nodes: Iterable[ast.AST]) -> Iterator[ast.Constant]:
    """Find docstrings, and the strings below an assignment that describe it."""
    for node in nodes:
        match node:
            case ast.Expr(value=ast.Constant(value=str()) as constant):
                yield constant


def _dedented(text: str) -> str:
    first, *others = text.split("\n")
    margin = min((len(line) - len(line.lstrip()) for line in others if line.strip()), default=0)
    return "\n".join([first.strip(), *(line[margin:] for line in others)])


def _comments(path: str, content: str) -> Iterator[Text]:
    """Join comments of consecutive lines that have nothing before them; another comment is alone."""
    together: list[tuple[int, int, str]] = []
    for found in STRING_OR_COMMENT.finditer(content):
        if not found[0].startswith("#"):
            continue
        line = content.count("\n", 0, found.start()) + 1
        start = content.rfind("\n", 0, found.start()) + 1
        is_alone = not content[start : found.start()].strip()
        column = found.start() - start if is_alone else -1
        words = PRAGMA.sub("", found[0]).lstrip("# -").rstrip("- ")
        if together and not (is_alone and (line - 1, column) == together[-1][:2]):
            yield _joined(path, together)
            together = []
        together.append((line, column, words))
    if together:
        yield _joined(path, together)


def _joined(path: str, together: list[tuple[int, int, str]]) -> Text:
    return Text(COMMENTS, path, together[0][0], "\n".join(words for _, _, words in together))


def _literals(path: str, nodes: Iterable[ast.AST], docstrings: set[int]) -> Iterator[Text]:
    """Find log events and texts for users; a value in an f-string is code."""
    inside: set[int] = set()
    for node in nodes:
        match node:
            case ast.Call(func=ast.Attribute(attr=name), args=[ast.Constant(value=str(event)), *_]) if (
                name in LOG_METHODS and re.fullmatch(r"[a-z0-9_]+", event)
            ):
                yield Text(LOG_EVENTS, path, node.lineno, event.replace("_", " "))
            case ast.JoinedStr(values=values):
                inside |= {id(value) for value in values}
                parts = (value.value if isinstance(value, ast.Constant) else "`value`" for value in values)
                yield from _of_literal(path, node.lineno, "".join(map(str, parts)))
            case ast.Constant(value=str(text)) if id(node) not in docstrings | inside:
                yield from _of_literal(path, node.lineno, text)


def _of_literal(path: str, line: int, text: str) -> Iterator[Text]:
    is_english = _ENGLISH.search(text) and not _PORTUGUESE.search(text) and not _SQL.search(text)
    if is_english and len(text.split()) > _FEWEST_WORDS and "<" not in text:
        yield Text(TEXTS, path, line, " ".join(re.sub(r"{\w+[^}]*}", "`value`", text).split()))
