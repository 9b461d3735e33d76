"""Reads evidence: the bytes that prove events, opened and checked against their digest."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from extrato.store.sealing import CannotOpen
from extrato.store.unavailable import raising_unavailable

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    import asyncpg

    from extrato.store.personal_data import PersonalData

TIMEOUT_S: Final = 5.0

FIND: Final = "SELECT kind, body, sealed_by, first_seen_at FROM evidence WHERE digest = $1"
LIST: Final = """
    SELECT digest, kind, first_seen_at, octet_length(body) FROM evidence
    WHERE digest = ANY ($1) ORDER BY first_seen_at, digest
"""
OF_DELIVERIES: Final = "SELECT evidence FROM webhook_deliveries WHERE delivery_id = ANY ($1) AND merchant = $2"


class StoredEvidence(Struct, frozen=True, kw_only=True):
    """A row of `evidence`; `stored_bytes` is the length of the body as it is stored, sealed or not."""

    digest: bytes
    kind: str
    stored_at: datetime
    stored_bytes: int


class OpenedEvidence(Struct, frozen=True, kw_only=True):
    """The original bytes: `digest` is the SHA-256 of `salt` and `body`. Evidence of older versions has no salt."""

    digest: bytes
    kind: str
    stored_at: datetime
    salt: bytes
    body: bytes


class EvidenceReader:
    """Each coroutine raises `StoreUnavailable`; `open` also raises `InvalidVaultKey`."""

    def __init__(self, pool: asyncpg.Pool, personal_data: PersonalData) -> None:
        self._pool = pool
        self._personal_data = personal_data

    async def digests_of(self, delivery_ids: Collection[UUID], *, merchant: str) -> set[bytes]:
        """Return the digests of a merchant's webhooks."""
        if not delivery_ids:
            return set()
        with raising_unavailable():
            rows = await self._pool.fetch(OF_DELIVERIES, delivery_ids, merchant, timeout=TIMEOUT_S)
        return {row[0] for row in rows}

    async def stored(self, digests: Collection[bytes]) -> list[StoredEvidence]:
        """Return what is stored of these digests, the oldest first."""
        with raising_unavailable():
            rows = await self._pool.fetch(LIST, digests, timeout=TIMEOUT_S)
        return [StoredEvidence(digest=row[0], kind=row[1], stored_at=row[2], stored_bytes=row[3]) for row in rows]

    async def open(self, payment_id: int, digest: bytes) -> OpenedEvidence | None:
        """Return evidence of a payment; None when it is not stored. Raises `CannotOpen` when the row was changed."""
        with raising_unavailable():
            row = await self._pool.fetchrow(FIND, digest, timeout=TIMEOUT_S)
        if row is None:
            return None
        salt, body = await self._opened(payment_id, digest, row["body"], row["sealed_by"])
        return OpenedEvidence(digest=digest, kind=row["kind"], stored_at=row["first_seen_at"], salt=salt, body=body)

    async def _opened(
        self, payment_id: int, digest: bytes, stored: bytes, sealed_by: str | None
    ) -> tuple[bytes, bytes]:
        match sealed_by:
            case "payment":
                key = (await self._personal_data.keys.get_all((payment_id,))).get(payment_id)
                if key is None:
                    raise CannotOpen(f"evidence {digest.hex()}: payment {payment_id} has no key")
                return key.salt, key.open_evidence(digest, stored)
            case "hub":
                seal = await self._personal_data.body_seal()
                return seal.salt, seal.open_body(digest, stored)
            case None if hashlib.sha256(stored).digest() == digest:
                return b"", stored
            case _:
                raise CannotOpen(f"evidence {digest.hex()}")
