"""Writes the catalogue and its proofs as a Markdown page."""

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

For developers of a frontend for one of the two reference systems: a Flask application that receives a Pix in real time,
and an interface that monitors Mercado Pago payment links. This page lists the features of each reference (routes,
fields, statuses, pages, events, errors, log lines, flows), the behaviour of this hub, and the tests that prove it.
**Better** and **Otherwise** mark deliberate differences; without a mark, the hub behaves like the reference.

A frontend that sends no key needs the hub in open mode (`EXTRATO_AUTH=open`, on one machine only). Otherwise it sends
`Authorization: Bearer <key>`, or opens the addresses in the answers, which carry the payer's token.

`make check` fails if a statement has no proof or an unknown name, or if this page lacks a route or field.
"""
BETTER_TITLE: Final = "Deliberate improvements of this hub"
DIFFERS_TITLE: Final = "Deliberate differences of this hub"


def document(parts: Sequence[Part], proofs: Proofs) -> str:
    """Return the text of the page."""
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
    """Return the behaviour of this hub, and the names of its operations and fields."""
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
    """Return GitHub's anchor of a heading."""
    kept = "".join(character for character in title.lower() if character.isalnum() or character in " -_")
    return kept.replace(" ", "-")
