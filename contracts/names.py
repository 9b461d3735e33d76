"""Names of merchants and products, which people type: how two of them are compared."""

from __future__ import annotations

import unicodedata


def canonical_name(name: str) -> str:
    """Give a name in Unicode's composed form (NFC), in which the same letters are the same text.

    Some keyboards and file systems write `ã` as one character, others as `a` with a combining tilde.
    """
    return unicodedata.normalize("NFC", name)
