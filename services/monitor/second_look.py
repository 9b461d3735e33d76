"""Reads each payment with an alert once more from its provider.

An older version did not record money, so that the state of such a payment may lack some.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog

from contracts.envelope import Cause
from extrato.errors import (
    ProviderMisunderstood,
    ProviderNotConnected,
    ProviderRefused,
    ProviderUnavailable,
    StoreUnavailable,
)
from extrato.providers.call_budget import calling_for
from extrato.store.unavailable import DATABASE_UNAVAILABLE
from extrato.store.vault_keys import InvalidVaultKey
from extrato.use_cases.refresh_payment import refresh_payment
from services.monitor.schedule import Again, Decision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extrato.use_cases.hub import Hub

BATCH: Final = 20
NEXT_BATCH_S: Final = 1.0
PUT_OFF_S: Final = 60.0
INTERVAL_S: Final = 24 * 3600.0

# The name of this pass. A version that reads more from old payments adds another pass.
NAME: Final = "money_held"
BEGUN: Final = 0

IS_BEGUN: Final = "SELECT count(*) > 0 FROM second_looks WHERE name = $1 AND payment_id = $2"
# Rows of older versions lack some alerts.
LEAST_VERSION: Final = 4
IS_BUILT: Final = "SELECT count(*) > 0 FROM checkpoints WHERE read_model = 'payment_details' AND version >= $1"
BEGIN: Final = """
    INSERT INTO second_looks (name, payment_id)
    SELECT $1, payment_id FROM payment_details
    WHERE json_array_length(document -> 'alerts') > 0 AND document ->> 'provider' = ANY ($3::text[])
    UNION ALL SELECT $1, $2
    ON CONFLICT DO NOTHING
"""
# Payments whose provider did not answer come last.
NEXT: Final = """
    SELECT payment_id FROM second_looks
    WHERE name = $1 AND payment_id <> $2 AND (tried_at IS NULL OR tried_at < $3)
    ORDER BY tried_at NULLS FIRST, payment_id
    LIMIT $4
"""
DONE: Final = "DELETE FROM second_looks WHERE name = $1 AND payment_id = $2"
TRIED: Final = "UPDATE second_looks SET tried_at = $3 WHERE name = $1 AND payment_id = $2"
IS_LEFT: Final = "SELECT count(*) > 0 FROM second_looks WHERE name = $1 AND payment_id <> $2"


class SecondLook:
    """A job of the lane `clock`, for the payments of remote providers."""

    def __init__(self, *, hub: Hub, pool: asyncpg.Pool, providers: Sequence[str]) -> None:
        self._hub = hub
        self._pool = pool
        self._providers = providers
        self._logger = structlog.get_logger(component="second_look")

    async def run_once(self) -> Decision:
        """Read one batch; a payment without an answer comes again later and does not block the others."""
        payment_ids = await self._next()
        for payment_id in payment_ids:
            try:
                await self._ask(payment_id)
            except ProviderUnavailable as error:
                self._logger.info("second_look_put_off", payment_id=payment_id, reason=error.code)
                await self._pool.execute(TRIED, NAME, payment_id, self._hub.now())
            else:
                await self._pool.execute(DONE, NAME, payment_id)
        if len(payment_ids) == BATCH:
            return Again(NEXT_BATCH_S)
        return Again(PUT_OFF_S if await self._pool.fetchval(IS_LEFT, NAME, BEGUN) else INTERVAL_S)

    async def _next(self) -> list[int]:
        try:
            if not await self._pool.fetchval(IS_BEGUN, NAME, BEGUN):
                if not await self._pool.fetchval(IS_BUILT, LEAST_VERSION):
                    raise StoreUnavailable(why="not_shown")
                await self._pool.execute(BEGIN, NAME, BEGUN, self._providers)
            before = self._hub.now() - timedelta(seconds=PUT_OFF_S)
            rows = await self._pool.fetch(NEXT, NAME, BEGUN, before, BATCH)
        except (*DATABASE_UNAVAILABLE, asyncpg.UndefinedTableError) as error:
            raise StoreUnavailable(why="not_readable") from error
        return [row[0] for row in rows]

    async def _ask(self, payment_id: int) -> None:
        cause = Cause(correlation_id=str(self._hub.new_uuid()), actor="sweep", actor_id=NAME)
        try:
            with calling_for("background"):
                await refresh_payment(self._hub, payment_id, cause=cause)
        except (ProviderRefused, ProviderMisunderstood, ProviderNotConnected, InvalidVaultKey) as error:
            # The payment keeps its state and its alert.
            self._logger.warning("second_look_failed", payment_id=payment_id, reason=error.code)
