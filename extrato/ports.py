"""What the heart takes from outside as a value or a function: credentials and the clock."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

import msgspec

Clock = Callable[[], datetime]


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What opens a merchant's account at a provider; it never appears in a log or an error."""

    access_token: str
    webhook_secret: str
    account_id: str

    def __repr__(self) -> str:
        return f"Credential(account_id={self.account_id!r})"

    __str__ = __repr__

    @property
    def digest(self) -> str:
        """Name the credential without telling it: the SHA-256 of all its parts, in hex."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()
