"""Cuts a text into blocks and sentences. Code counts as one word; code blocks and links' targets do not count.

Text that is left out is overwritten character by character, so that a place in a block is a place in its file.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Stands for a character of code: a letter, for a word boundary has to be before and after it.
MASK: Final = "ˣ"

_CODE: Final = re.compile(r"(`+)(?!`)(?:.|\n)+?\1")
_TARGET: Final = re.compile(r"(?<=\])\([^()\s]*\)|(?<=\])\[[^\]]*\]|<?https?://[^\s>)]+>?")
_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_FENCE: Final = re.compile(r"^\s*(?:```|~~~)")
_ITEM: Final = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")
_SENTENCE: Final = re.compile(r"(?:[.!?][\"')\]*_”]*)(?=\s+[A-Z0-9\"'(\[*_“" + MASK + r"]|\s*\Z)")
_ABBREVIATION: Final = re.compile(r"\b(?:e\.g|i\.e|etc|cf|vs|No|Sec)\.\Z")
_WORD: Final = re.compile(r"[^\W_]+(?:['./+:@-][^\W_]+)*")


class Block(NamedTuple):
    """A paragraph, item, heading or row on one line of text, with the number of the line that each part is from."""

    text: str
    starts: tuple[int, ...]
    lines: tuple[int, ...]
    has_sentences: bool = True

    def line_at(self, place: int) -> int:
        """Return the line of the file that a place in the text is from."""
        return self.lines[bisect_right(self.starts, place) - 1]


class Sentence(NamedTuple):
    """One sentence of a block: where it begins in the block, and how many words it has."""

    start: int
    words: int


def blocks(text: str, first_line: int = 1, *, is_markdown: bool = True) -> Iterator[Block]:
    """Cut Markdown or a docstring; in other texts every line belongs to the one block."""
    if not is_markdown:
        yield _block([(first_line + at, line.strip()) for at, line in enumerate(_masked(text).split("\n"))])
        return
    for part in _parts(_masked(_without_fences(_COMMENT.sub(_blank, text))), first_line):
        if part:
            is_title_or_row = part[0][1].lstrip().startswith(("#", "|"))
            numbered = [(line, _ITEM.sub("", words).strip(" #>|")) for line, words in part]
            yield _block(numbered, has_sentences=not is_title_or_row)


def sentences(block: Block) -> Iterator[Sentence]:
    """Cut a block; headings and rows of tables have no sentences."""
    if not block.has_sentences:
        return
    start = 0
    for end in _SENTENCE.finditer(block.text):
        if not _ABBREVIATION.search(block.text[: end.end()]):
            yield from _sentence(block.text, start, end.end())
            start = end.end()
    yield from _sentence(block.text, start, len(block.text))


def _sentence(text: str, start: int, end: int) -> Iterator[Sentence]:
    words = len(_WORD.findall(text[start:end]))
    if words:
        yield Sentence(start + len(text[start:end]) - len(text[start:end].lstrip()), words)


def _parts(text: str, first_line: int) -> Iterator[list[tuple[int, str]]]:
    part: list[tuple[int, str]] = []
    for at, line in enumerate(text.split("\n"), first_line):
        if not line.strip():
            yield part
            part = []
            continue
        # Headings, rows of tables and items each begin a part, and so does the line after a heading.
        if part and (_ITEM.match(line) or line.lstrip().startswith(("#", "|")) or part[0][1].startswith("#")):
            yield part
            part = []
        part.append((at, line))
    yield part


def _without_fences(text: str) -> str:
    kept = []
    is_open = False
    for line in text.split("\n"):
        is_fence = bool(_FENCE.match(line))
        kept.append("" if is_open or is_fence else line)
        is_open ^= is_fence
    return "\n".join(kept)


def _masked(text: str) -> str:
    return _TARGET.sub(_blank, _CODE.sub(lambda found: re.sub(r"[^\n]", MASK, found[0]), text))


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])


def _block(numbered: Iterable[tuple[int, str]], *, has_sentences: bool = True) -> Block:
    text, starts, lines = "", [], []
    for line, words in numbered:
        # Code that goes on in the next line is one word.
        text += "" if not text or (text.endswith(MASK) and words.startswith(MASK)) else " "
        starts.append(len(text))
        lines.append(line)
        text += words
    return Block(text, tuple(starts), tuple(lines), has_sentences)
