"""Texts of clients in log lines, without what identifies a person.

A path or a sentence about a fault repeats words of the request. A mistaken client may send an e-mail address anywhere,
such as in place of a payment's number, or as the name of a field.
"""

from __future__ import annotations

import re
from typing import Final

from extrato.domain.person import LONG_NUMBER

MAX_LENGTH: Final = 500
_EMAIL: Final = re.compile(r"[^\s\"'<>(),;:=/]+@[^\s\"'<>(),;:=/]+")
# Not a part of a UUID, which names a payment.
_NUMBER: Final = re.compile(rf"(?<![\w-]){LONG_NUMBER}(?![\w-])")


def loggable(text: str) -> str:
    """Return the beginning of a text, without e-mail addresses and without numbers as long as a telephone number."""
    # Cut first: the time of a search grows with the square of the length, and a client decides that.
    return _NUMBER.sub("(number)", _EMAIL.sub("(e-mail)", text[:MAX_LENGTH]))
