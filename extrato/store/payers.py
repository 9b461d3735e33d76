"""Payers' details, encrypted and kept only until their charge exists: personal data stays out of the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from extrato.store.unavailable import raising_unavailable
from extrato.values import Payer

if TYPE_CHECKING:
    import asyncpg

    from extrato.store.vault import Vault

KEEP: Final = """
    INSERT INTO payers (payment_id, sealed) VALUES ($1, $2) ON CONFLICT (payment_id) DO NOTHING RETURNING true
"""
RECALL: Final = "SELECT sealed FROM payers WHERE payment_id = $1"
FORGET: Final = "DELETE FROM payers WHERE payment_id = $1"


class Payers:
    """Keeps a payer's details for the process that creates the charge; each method raises `StoreUnavailable`."""

    def __init__(self, pool: asyncpg.Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def keep(self, payment_id: int, payer: Payer) -> bool:
        """Store the payer's details of a new payment; return False if another payment with this id has details."""
        sealed = self._vault.seal(msgspec.json.encode(payer), bound_to_payer(payment_id))
        with raising_unavailable():
            return await self._pool.fetchval(KEEP, payment_id, sealed) is not None

    async def recall(self, payment_id: int) -> Payer | None:
        """Return the details; None when they were never stored, or deleted. Raises `InvalidVaultKey`."""
        with raising_unavailable():
            sealed = await self._pool.fetchval(RECALL, payment_id)
        if sealed is None:
            return None
        return msgspec.json.decode(self._vault.unseal(sealed, bound_to_payer(payment_id)), type=Payer)

    async def forget(self, payment_id: int) -> None:
        """Delete the payer's details of a payment."""
        with raising_unavailable():
            await self._pool.execute(FORGET, payment_id)


def bound_to_payer(payment_id: int) -> bytes:
    """Return the text that a payment's payer details are bound to."""
    return f"payer\n{payment_id}".encode()
