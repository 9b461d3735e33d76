"""Writes docs/errors.md from the catalogue; the gateway shows the same sentences on `/docs/errors`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from contracts.errors import SUBJECTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contracts.errors.entry import Entry

HEAD: Final = """# Errors

For developers of shops and frontends, and for operators. Every error has a stable `code` for programs, and a sentence
for people. The Pix routes, the log and the command line have the English sentence, and `/v1` has the sentence in the
language of `Accept-Language`. The other routes have the Portuguese one. `…` stands for a value, such as a name, a
limit or the provider's own words. A code may have several sentences; its meaning is the same.

A running hub shows this catalogue at `/docs/errors`, where the `type` of each problem of `/v1` leads. `make schemas`
writes this file from `contracts/errors/`.
"""
# The names of placeholders have no meaning outside the code; the document shows `…` instead.
_FACT: Final = re.compile(r"\{[^}]*\}")


def document() -> str:
    """Return the text of docs/errors.md."""
    return "".join(_text())


def _text() -> Iterator[str]:
    yield HEAD
    for subject, entries in SUBJECTS.items():
        yield f"\n## {subject}\n"
        for code, entry in entries.items():
            yield f"\n### `{code}`\n\n**{entry.status}.** {entry.cause}\n\n"
            for shared, portuguese in shown_sentences(entry):
                yield from (f"- {_escaped(english)}\n" for english in shared)
                yield f"  - {_escaped(portuguese)}\n"
            yield f"\n**What to do.** {entry.remedy}\n"


def shown_sentences(entry: Entry) -> list[tuple[list[str], str]]:
    """Return an error's sentences for documents: English ones, and the translation that they share."""
    by_portuguese: dict[str, list[str]] = {}
    for english, portuguese in entry.sentences.values():
        by_portuguese.setdefault(_shown(portuguese), []).append(_shown(english))
    return [(shared, portuguese) for portuguese, shared in by_portuguese.items()]


def _shown(template: str) -> str:
    return _FACT.sub("…", template)


def _escaped(sentence: str) -> str:
    return sentence.replace("<", "\\<")
