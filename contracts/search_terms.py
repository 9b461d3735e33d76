"""The terms by which a merchant finds payments: the projections store them, and the gateway asks for them.

A term is a digest of 64 bits, as a signed number. It contains the merchant, because the index of terms has all
merchants' payments. It is not keyed, and the texts behind it are in plain text in the same database.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from hashlib import blake2b
from typing import Final, Literal

TermKind = Literal["word", "reference", "id", "alert"]

MOST_WORDS: Final = 100
"""The number of words of a text that are searchable: the first ones."""

_WORD: Final = re.compile(r"[^\W_]+")
_ACCENTS: Final = re.compile("[\u0300-\u036f]+")
# Enough for the products of the shops of a busy hub; a remembered text costs less than a kilobyte.
_REMEMBERED: Final = 8_192


def words_of(text: str) -> list[str]:
    """Return the different words of a text, at most `MOST_WORDS`, without accents and in lower case."""
    plain = text.lower() if text.isascii() else _ACCENTS.sub("", unicodedata.normalize("NFKD", text).casefold())
    return list(dict.fromkeys(_WORD.findall(plain)))[:MOST_WORDS]


def term(merchant: str, kind: TermKind, text: str) -> int:
    """Return the term of a word, a reference, a provider's id of a charge or an attempt, or an open alert."""
    digest = blake2b(f"{merchant}\n{kind}\n{text}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


@lru_cache(maxsize=_REMEMBERED)
def terms_of_words(merchant: str, text: str) -> tuple[int, ...]:
    """Return the terms of the words of a text."""
    return tuple([term(merchant, "word", word) for word in words_of(text)])
