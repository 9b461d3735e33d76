"""Seals personal data with a key per payment: AES-256-GCM, bound to the payment and to the field.

A sealed field is text that starts with `PREFIX`, then the nonce and the ciphertext in base64url. Without the payment's
key it cannot be opened, also not in backups, on the bus, and at subscribers. Bodies of webhooks belong to no known
payment when the hub stores them, so a secret of the hub seals them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from extrato.identifiers import RandomBytes

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
PREFIX: Final = "s1."
_new_nonce: Final = RandomBytes(NONCE_BYTES)
REMEMBERED_TEXTS: Final = 8
# RFC 2104.
_SHA256_BLOCK_BYTES: Final = 64
_INNER_PAD: Final = bytes(each ^ 0x36 for each in range(256))
_OUTER_PAD: Final = bytes(each ^ 0x5C for each in range(256))
# Base64url without its padding (RFC 4648, section 5).
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_BODY_BOUND_TO: Final = b"extrato.sealed.v1\nhub\nbody\n"


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


class KeyedDigest:
    """HMAC-SHA-256 under one key. Both of its blocks are prepared, which a digest of a short text mostly costs."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = key.ljust(_SHA256_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(block.translate(_INNER_PAD))
        self._outer = hashlib.sha256(block.translate(_OUTER_PAD))

    def digest(self, text: bytes) -> bytes:
        """Return the digest of a text: that of `hmac.digest` with a key of one block at most."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.digest()


class PaymentKey:
    """The key of one payment's personal data. Thousands are cached, so its parts are made when they are needed.

    It keeps no cipher: that has 2.5 KB, and is made in a microsecond.
    """

    __slots__ = ("_opened", "_salt", "payment_id", "plain")

    def __init__(self, payment_id: int, plain: bytes) -> None:
        self.payment_id = payment_id
        self.plain = plain
        self._salt: bytes | None = None
        self._opened: dict[tuple[str, str], str] | None = None

    def __repr__(self) -> str:
        return f"PaymentKey({self.payment_id})"

    @property
    def salt(self) -> bytes:
        """The salt of the payment's evidence; it is lost with the key."""
        if self._salt is None:
            self._salt = _salt_of(self.plain)
        return self._salt

    def seal(self, text: str | None, field: str) -> str | None:
        """Return the sealed text of a field, or None for None."""
        if text is None:
            return None
        sealed = encrypt(AESGCM(self.plain), text.encode(), _bound_to(self.payment_id, field))
        return PREFIX + binascii.b2a_base64(sealed, newline=False).translate(_URL_SAFE, b"=").decode()

    def open(self, sealed: str, field: str) -> str:
        """Return the text that `seal` got; raises `CannotOpen`. The key remembers a few opened texts."""
        if self._opened is None:
            self._opened = {}
        if (opened := self._opened.get((sealed, field))) is not None:
            return opened
        try:
            text = sealed.removeprefix(PREFIX).encode()
            both = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
            opened = decrypt(AESGCM(self.plain), both, _bound_to(self.payment_id, field)).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise CannotOpen(f"payment {self.payment_id}, {field}") from error
        if len(self._opened) < REMEMBERED_TEXTS:
            self._opened[sealed, field] = opened
        return opened

    def seal_evidence(self, kind: str, body: bytes) -> Evidence:
        """Seal the bytes that prove an event."""
        digest = self.digest(body)
        sealed = encrypt(AESGCM(self.plain), body, _bound_to(self.payment_id, f"evidence\n{digest.hex()}"))
        return Evidence(digest, kind, sealed, self.payment_id)

    def open_evidence(self, digest: bytes, sealed: bytes) -> bytes:
        """Return the plain bytes of evidence; raises `CannotOpen`, also when they have another digest."""
        bound_to = _bound_to(self.payment_id, f"evidence\n{digest.hex()}")
        return _open_evidence(AESGCM(self.plain), sealed, bound_to, salt=self.salt, digest=digest)

    def digest(self, body: bytes) -> bytes:
        """Return the digest of evidence: the SHA-256 of the salt and the body."""
        return _digest(self.salt, body)


class SealedBody(NamedTuple):
    """A webhook's body as `evidence` stores it; `digest` is of the salt and the plain bytes."""

    digest: bytes
    sealed: bytes


class BodySeal:
    """Seals bodies with a secret of the hub; evidence has `sealed_by = 'hub'` then.

    Each body has its own key, derived from the secret and the digest: with random nonces, one key for all bodies would
    be safe for 2^32 of them only.
    """

    __slots__ = ("_secret", "salt")

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.salt = _salt_of(secret)

    def seal_body(self, body: bytes) -> SealedBody:
        """Return the digest and the sealed bytes; equal bodies have one digest."""
        digest = _digest(self.salt, body)
        return SealedBody(digest, encrypt(self._cipher_of(digest), body, _BODY_BOUND_TO + digest))

    def open_body(self, digest: bytes, sealed: bytes) -> bytes:
        """Return the plain bytes; raises `CannotOpen`, also when they have another digest."""
        bound_to = _BODY_BOUND_TO + digest
        return _open_evidence(self._cipher_of(digest), sealed, bound_to, salt=self.salt, digest=digest)

    def _cipher_of(self, digest: bytes) -> AESGCM:
        return AESGCM(hmac.digest(self._secret, _BODY_BOUND_TO + digest, "sha256"))


def is_sealed(text: str) -> bool:
    """Return whether a text is sealed; older events have plain e-mail addresses, which contain an @."""
    return text.startswith(PREFIX) and "@" not in text


def _bound_to(payment_id: int, field: str) -> bytes:
    return f"extrato.sealed.v1\npayment/{payment_id}\n{field}".encode()


def _salt_of(key: bytes) -> bytes:
    return hmac.digest(key, b"extrato.evidence.v1", "sha256")


def _digest(salt: bytes, body: bytes) -> bytes:
    return hashlib.sha256(salt + body).digest()


def encrypt(cipher: AESGCM, plain: bytes, bound_to: bytes) -> bytes:
    """Return a random nonce and the ciphertext, which decrypts only with the same `bound_to`."""
    nonce = _new_nonce()
    return nonce + cipher.encrypt(nonce, plain, bound_to)


def decrypt(cipher: AESGCM, sealed: bytes, bound_to: bytes) -> bytes:
    """Return what `encrypt` got; raises `InvalidTag`."""
    return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)


def _open_evidence(cipher: AESGCM, sealed: bytes, bound_to: bytes, *, salt: bytes, digest: bytes) -> bytes:
    try:
        body = decrypt(cipher, sealed, bound_to)
    except (InvalidTag, ValueError) as error:
        raise CannotOpen(f"evidence {digest.hex()}") from error
    if _digest(salt, body) != digest:
        raise CannotOpen(f"evidence {digest.hex()}")
    return body
