"""The identifiers of a payment: its stream, and ids that carry the payment number and cannot be guessed."""

from __future__ import annotations

import hashlib
from typing import Final
from uuid import UUID

from contracts.digits import PAYMENT_DIGITS, number_in

PAYMENT_NAMESPACE: Final = UUID("5b7ad3b4-7c36-5d0e-9d34-6f4a35b6f1a1")
_NAMESPACE: Final = PAYMENT_NAMESPACE.bytes


def stream_id(payment_id: int) -> UUID:
    """Return the id of a payment's stream; one number always has the same stream.

    Equal to `uuid.uuid5` of the number (RFC 9562, version 5), in half the time.
    """
    digest = hashlib.sha1(_NAMESPACE + str(payment_id).encode(), usedforsecurity=False).digest()
    return UUID(bytes=digest[:16], version=5)


# --- identifiers that carry the number ----------------------------------------------------------
#
# A bank, a provider and a picture's URL identify a payment by one of these ids. Each holds the payment number, so that
# the stream is found without an index, and random bits, so that it cannot be guessed: 74 of them, and 48 in the
# reference. Code that reads an id must compare the whole id with the payment's own.


def bank_payment_id(payment_id: int, random_uuid: UUID) -> str:
    """Return the id for banks: a version 8 UUID (RFC 9562) with the payment number in its first 48 bits."""
    number = payment_id << 80 | 0x8 << 76 | random_uuid.int & ((1 << 76) - 1)
    text = f"{number & ~(0x3 << 62) | 0x2 << 62:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def payment_id_in(text: str) -> int | None:
    """Return the payment number in a bank payment id; None if the text is no such id."""
    try:
        identifier = UUID(text)
    except ValueError:
        return None
    return identifier.int >> 80 if identifier.version == 8 and str(identifier) == text else None


def external_reference(payment_id: int, bank_id: str) -> str:
    """Return the reference for providers, at most 64 characters."""
    return f"extrato_{payment_id}_{bank_id[-12:]}"


def payment_id_in_reference(reference: str) -> int | None:
    """Return the payment number in an external reference; None if the hub did not create the reference."""
    prefix, _, rest = reference.partition("_")
    number, _, _ = rest.partition("_")
    return number_in(number, digits=PAYMENT_DIGITS) if prefix == "extrato" else None
