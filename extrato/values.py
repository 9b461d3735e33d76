"""Values that several layers share: credentials, payers, the clock, and the purpose of a call to a provider."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Literal

import msgspec

Clock = Callable[[], datetime]
Purpose = Literal["payment", "check", "background", "payer"]


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """The credential of a merchant's account at a provider; it never appears in a log or an error.

    `pix_api` names the API of Mercado Pago that creates this account's Pix charges: `payments` or `orders`.
    """

    access_token: str
    webhook_secret: str
    account_id: str
    pix_api: str = "payments"

    def __repr__(self) -> str:
        return f"Credential(account_id={self.account_id!r})"

    __str__ = __repr__

    @property
    def digest(self) -> str:
        """Return an identifier that does not reveal the credential: the SHA-256 of all its parts, in hex."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()


class Payer(msgspec.Struct, frozen=True, kw_only=True):
    """The data of a payer, from the merchant, for the provider; `repr` never shows it.

    A person has a `cpf`, a company a `cnpj`: both without punctuation, and a CNPJ in capitals.
    """

    email: str | None = None
    name: str | None = None
    phone: str | None = None
    cpf: str | None = None
    cnpj: str | None = None

    def __repr__(self) -> str:
        return "Payer(...)"

    __str__ = __repr__
