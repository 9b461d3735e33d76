"""Seals personal data with a key per payment: AES-256-GCM, bound to the payment and to the field.

A sealed field is text that starts with `PREFIX`, then the nonce and the ciphertext in base64url. Without the payment's
key it cannot be opened, also not in backups, on the bus, and at subscribers.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
PREFIX: Final = "s1."
REMEMBERED_TEXTS: Final = 8


class CannotOpen(Exception):
    """A sealed value was changed, or belongs to another payment, field or key."""


class Evidence(Struct, frozen=True):
    """The bytes that prove an event, sealed; `kind` names their format, such as `provider/payment`.

    `digest` is the SHA-256 of the key's salt and the plain bytes. It proves the bytes to a reader who has the salt, and
    it does not reveal them to a reader who guesses.
    """

    digest: bytes
    kind: str
    body: bytes
    payment_id: int


class PaymentKey:
    """The key of one payment's personal data."""

    __slots__ = ("_cipher", "_opened", "_salt", "payment_id", "plain")

    def __init__(self, payment_id: int, plain: bytes) -> None:
        self.payment_id = payment_id
        self.plain = plain
        self._cipher = AESGCM(plain)
        self._salt: bytes | None = None
        self._opened: dict[tuple[str, str], str] = {}

    def __repr__(self) -> str:
        return f"PaymentKey({self.payment_id})"

    @property
    def salt(self) -> bytes:
        """The salt of the payment's evidence; it is lost with the key."""
        if self._salt is None:
            self._salt = hmac.digest(self.plain, b"extrato.evidence.v1", "sha256")
        return self._salt

    def seal(self, text: str | None, field: str) -> str | None:
        """Return the sealed text of a field, or None for None."""
        if text is None:
            return None
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, text.encode(), _bound_to(self.payment_id, field))
        return PREFIX + base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def open(self, sealed: str, field: str) -> str:
        """Return the text that `seal` got; raises `CannotOpen`. The key remembers a few opened texts."""
        if (opened := self._opened.get((sealed, field))) is not None:
            return opened
        try:
            text = sealed.removeprefix(PREFIX).encode()
            both = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
            bound_to = _bound_to(self.payment_id, field)
            opened = self._cipher.decrypt(both[:NONCE_BYTES], both[NONCE_BYTES:], bound_to).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise CannotOpen(f"payment {self.payment_id}, {field}") from error
        if len(self._opened) < REMEMBERED_TEXTS:
            self._opened[sealed, field] = opened
        return opened

    def seal_evidence(self, kind: str, body: bytes) -> Evidence:
        """Seal the bytes that prove an event."""
        digest = self.digest(body)
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, body, _bound_to(self.payment_id, f"evidence\n{digest.hex()}"))
        return Evidence(digest, kind, sealed, self.payment_id)

    def open_evidence(self, digest: bytes, sealed: bytes) -> bytes:
        """Return the plain bytes of evidence; raises `CannotOpen`, also when they have another digest."""
        bound_to = _bound_to(self.payment_id, f"evidence\n{digest.hex()}")
        try:
            body = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
        except (InvalidTag, ValueError) as error:
            raise CannotOpen(f"payment {self.payment_id}, evidence {digest.hex()}") from error
        if self.digest(body) != digest:
            raise CannotOpen(f"payment {self.payment_id}, evidence {digest.hex()}")
        return body

    def digest(self, body: bytes) -> bytes:
        """Return the digest of evidence: the SHA-256 of the salt and the body."""
        return hashlib.sha256(self.salt + body).digest()


def is_sealed(text: str) -> bool:
    """Return whether a text is sealed; older events have plain e-mail addresses, which contain an @."""
    return text.startswith(PREFIX) and "@" not in text


def _bound_to(payment_id: int, field: str) -> bytes:
    return f"extrato.sealed.v1\npayment/{payment_id}\n{field}".encode()
