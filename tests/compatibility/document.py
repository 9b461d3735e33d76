"""Writes the claims as a page of Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.compatibility.claim import Claim, Part

HEAD: Final = """\
# Compatibility

<!-- Written by `make claims` from tests/compatibility/; change it there. -->

Two systems are the reference for what this hub offers: a Flask application that takes a Pix in real time, and an
interface that monitors Mercado Pago payment links. Whoever has a frontend for one of them finds here all that it
offers (routes, fields, statuses, pages, events, errors, log lines, flows), what this hub does for it, and the test
that proves it. A line without a mark is the same here as there; **Better** and **Otherwise** are meant to be so.

A frontend that shows no key needs the hub in open mode (`EXTRATO_AUTH=open`, on one machine only). Elsewhere it sends
`Authorization: Bearer <key>`, or opens the addresses that the answers carry, with the payer's token in them.

`make check` fails when a proof is gone, a name means nothing, or a route or field of these surfaces is in no line
here.
"""
BETTER_TITLE: Final = "Where this hub deliberately does better"
DIFFERS_TITLE: Final = "What is otherwise, and why"


def document(parts: Sequence[Part]) -> str:
    """Give the whole page."""
    return "\n".join([HEAD, *_contents(parts), *(line for part in parts for line in _part(part)), *_lists(parts)])


def _contents(parts: Sequence[Part]) -> Iterator[str]:
    for title in (*(part.title for part in parts), BETTER_TITLE, DIFFERS_TITLE):
        yield f"- [{title}](#{_anchor(title)})"
    yield ""


def _part(part: Part) -> Iterator[str]:
    yield f"## {part.title}\n\n{part.intro}\n"
    for section in part.sections:
        yield f"### {section.title}\n\n| {part.who} | here | proof |\n|---|---|---|"
        for claim in section.claims:
            yield f"| {_cell(claim.says)} | {_cell(_here(claim))} | {_proof(claim)} |"
        yield ""


def _here(claim: Claim) -> str:
    """What this hub does, and where it is described."""
    named = [
        ", ".join(f"`{name}`" for name in claim.operations),
        _listed("takes", claim.asks),
        _listed("answers", claim.answers),
        _listed("status", tuple(map(str, claim.statuses))),
        "`{}` is “{}”".format(*claim.label) if claim.label else "",
    ]
    sentences = [
        claim.here,
        f"**Better:** {claim.better}" if claim.better else "",
        f"**Otherwise:** {claim.differs}" if claim.differs else "",
        "; ".join(name for name in named if name),
    ]
    return "<br>".join(sentence for sentence in sentences if sentence) or "The same."


def _listed(word: str, names: tuple[str, ...]) -> str:
    return f"{word} {', '.join(f'`{name}`' for name in names)}" if names else ""


def _proof(claim: Claim) -> str:
    links = []
    for test in claim.tests:
        path, _, function = test.partition("::")
        links.append(f"[{function.removeprefix('test_').replace('_', ' ')}](../{path})")
    return "<br>".join(links)


def _lists(parts: Sequence[Part]) -> Iterator[str]:
    claims = [(section, claim) for part in parts for section in part.sections for claim in section.claims]
    yield f"## {BETTER_TITLE}\n"
    yield from (
        f"- {claim.better} ([{section.title}](#{_anchor(section.title)}))" for section, claim in claims if claim.better
    )
    yield f"\n## {DIFFERS_TITLE}\n"
    yield from (
        f"- {claim.differs} ([{section.title}](#{_anchor(section.title)}))"
        for section, claim in claims
        if claim.differs
    )
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _anchor(title: str) -> str:
    """Name a heading as GitHub does."""
    kept = "".join(character for character in title.lower() if character.isalnum() or character in " -_")
    return kept.replace(" ", "-")
