"""Writes the catalogue and its proofs as a page of Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.compatibility.statement import Part, Statement

    # The tests of each statement, `file::function`.
    Proofs = Mapping[str, Sequence[str]]

HEAD: Final = """\
# Compatibility

<!-- Written by `make claims` from tests/compatibility/catalogue/ and the tests that claim its statements. -->

Two systems are the reference for this hub: a Flask application that takes a Pix in real time, and an interface that
monitors Mercado Pago payment links. This page is for developers of a frontend for one of them. It lists what the
reference offers (routes, fields, statuses, pages, events, errors, log lines, flows), what this hub does, and the tests
that prove it. **Better** and **Otherwise** mark deliberate differences; a line without a mark is the same in both.

A frontend that shows no key needs the hub in open mode (`EXTRATO_AUTH=open`, on one machine only). Elsewhere it sends
`Authorization: Bearer <key>`, or opens the addresses in the answers, which carry the payer's token.

`make check` fails when a statement has no proof, a name means nothing, or a route or field of these surfaces is
missing here.
"""
BETTER_TITLE: Final = "Where this hub deliberately does better"
DIFFERS_TITLE: Final = "Where this hub deliberately differs"


def document(parts: Sequence[Part], proofs: Proofs) -> str:
    """Give the whole page."""
    body = (line for part in parts for line in _part(part, proofs))
    return "\n".join([HEAD, *_contents(parts), *body, *_lists(parts)])


def _contents(parts: Sequence[Part]) -> Iterator[str]:
    for title in (*(part.title for part in parts), BETTER_TITLE, DIFFERS_TITLE):
        yield f"- [{title}](#{_anchor(title)})"
    yield ""


def _part(part: Part, proofs: Proofs) -> Iterator[str]:
    yield f"## {part.title}\n\n{part.intro}\n"
    for section in part.sections:
        yield f"### {section.title}\n\n| {part.who} | here | proof |\n|---|---|---|"
        for statement in section.statements:
            yield f"| {_cell(statement.says)} | {_cell(_here(statement))} | {_links(proofs.get(statement.id, ()))} |"
        yield ""


def _here(statement: Statement) -> str:
    """What this hub does, and where it is described."""
    named = [
        ", ".join(f"`{name}`" for name in statement.operations),
        _listed("takes", statement.asks),
        _listed("answers", statement.answers),
        _listed("status", tuple(map(str, statement.statuses))),
        "`{}` is “{}”".format(*statement.label) if statement.label else "",
    ]
    sentences = [
        statement.here,
        f"**Better:** {statement.better}" if statement.better else "",
        f"**Otherwise:** {statement.differs}" if statement.differs else "",
        "; ".join(name for name in named if name),
    ]
    return "<br>".join(sentence for sentence in sentences if sentence) or "The same."


def _listed(word: str, names: tuple[str, ...]) -> str:
    return f"{word} {', '.join(f'`{name}`' for name in names)}" if names else ""


def _links(tests: Sequence[str]) -> str:
    links = []
    for test in tests:
        path, _, function = test.partition("::")
        links.append(f"[{function.removeprefix('test_').replace('_', ' ')}](../{path})")
    return "<br>".join(links)


def _lists(parts: Sequence[Part]) -> Iterator[str]:
    statements = [
        (section, statement) for part in parts for section in part.sections for statement in section.statements
    ]
    yield f"## {BETTER_TITLE}\n"
    yield from (
        f"- {statement.better} ([{section.title}](#{_anchor(section.title)}))"
        for section, statement in statements
        if statement.better
    )
    yield f"\n## {DIFFERS_TITLE}\n"
    yield from (
        f"- {statement.differs} ([{section.title}](#{_anchor(section.title)}))"
        for section, statement in statements
        if statement.differs
    )
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _anchor(title: str) -> str:
    """Name a heading as GitHub does."""
    kept = "".join(character for character in title.lower() if character.isalnum() or character in " -_")
    return kept.replace(" ", "-")
