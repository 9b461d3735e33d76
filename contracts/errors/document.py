"""Writes docs/errors.md out of the catalogue."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from contracts.errors import SUBJECTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contracts.errors.entry import Entry

HEAD: Final = """# Errors

Every error has a stable `code`, on which programs act, and a sentence for people. The Pix routes, the log and the
command line have the English sentence, the other routes the Portuguese one. `…` stands for what the sentence names, or
for words from outside, such as the provider's own. Where a code has several sentences, programs treat them alike.

`make schemas` writes this file out of `contracts/errors/`.
"""
# What is filled in is named by the raising code; a reader sees only that something is.
_FACT: Final = re.compile(r"\{[^}]*\}")


def document() -> str:
    """Give the whole text."""
    return "".join(_text())


def _text() -> Iterator[str]:
    yield HEAD
    for subject, entries in SUBJECTS.items():
        yield f"\n## {subject}\n"
        for code, entry in entries.items():
            yield f"\n### `{code}`\n\n**{entry.status}.** {entry.cause}\n\n"
            yield from _sentences(entry)
            yield f"\n**What to do.** {entry.remedy}\n"


def _sentences(entry: Entry) -> Iterator[str]:
    """Give the sentences, the English before the Portuguese; several may share one translation."""
    by_portuguese: dict[str, list[str]] = {}
    for english, portuguese in entry.sentences.values():
        by_portuguese.setdefault(portuguese, []).append(english)
    for portuguese, shared in by_portuguese.items():
        for english in shared:
            yield f"- {_shown(english)}\n"
        yield f"  - {_shown(portuguese)}\n"


def _shown(template: str) -> str:
    return _FACT.sub("…", template).replace("<", "\\<")
