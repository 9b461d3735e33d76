"""The form in which names of merchants and products are compared."""

from __future__ import annotations

import unicodedata


def canonical_name(name: str) -> str:
    """Return a name in Unicode's composed form (NFC), in which equal letters are equal text.

    Some keyboards and file systems write `ã` as one character, others as `a` with a combining tilde.
    """
    return unicodedata.normalize("NFC", name)
