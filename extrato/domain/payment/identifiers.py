"""The names of a payment: its stream, and identifiers that carry its number and cannot be guessed."""

from __future__ import annotations

import hashlib
from typing import Final
from uuid import UUID

PAYMENT_NAMESPACE: Final = UUID("5b7ad3b4-7c36-5d0e-9d34-6f4a35b6f1a1")
_NAMESPACE: Final = PAYMENT_NAMESPACE.bytes


def stream_id(payment_id: int) -> UUID:
    """Name the stream of a payment; the same number always has the same stream.

    It is what `uuid.uuid5` makes of the number (RFC 9562, version 5), in half the time.
    """
    digest = hashlib.sha1(_NAMESPACE + str(payment_id).encode(), usedforsecurity=False).digest()
    return UUID(bytes=digest[:16], version=5)


# --- identifiers that carry the number ----------------------------------------------------------
#
# A bank, a provider and a picture's address name a payment by an identifier of ours. Each holds the
# number, to find the stream without an index, and random bits (74, and 48 of them in the reference), so
# that it cannot be guessed; who reads one must compare it whole with the payment's own.


def bank_payment_id(payment_id: int, random_uuid: UUID) -> str:
    """Make the identifier for banks: a version 8 UUID (RFC 9562) with the number in its first 48 bits."""
    number = payment_id << 80 | 0x8 << 76 | random_uuid.int & ((1 << 76) - 1)
    text = f"{number & ~(0x3 << 62) | 0x2 << 62:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def payment_id_in(text: str) -> int | None:
    """Read the payment's number out of a bank payment id; None when the text is no such id."""
    try:
        identifier = UUID(text)
    except ValueError:
        return None
    return identifier.int >> 80 if identifier.version == 8 and str(identifier) == text else None


def external_reference(payment_id: int, bank_id: str) -> str:
    """Make the reference that a provider is told, at most 64 characters."""
    return f"extrato_{payment_id}_{bank_id[-12:]}"


def payment_id_in_reference(reference: str) -> int | None:
    """Read the payment's number out of an external reference; None when it is not one of ours."""
    prefix, _, rest = reference.partition("_")
    number, _, _ = rest.partition("_")
    is_ours = prefix == "extrato" and number.isascii() and number.isdigit() and len(number) < 15
    return int(number) if is_ours else None
