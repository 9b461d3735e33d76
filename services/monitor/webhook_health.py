"""Decides for each account whether its webhooks arrive, from the changes that sweeps found first.

Every process may do this at any time: the facts are in the database, and the alarm is in the merchant's stream, so that
two monitors record it once, and a restart loses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from contracts.envelope import Cause
from contracts.events import ObservationRecorded, WebhooksFailing, WebhooksRecovered
from extrato.domain.errors import Refused
from extrato.domain.merchant import Registered
from extrato.domain.payment.state import Charged
from extrato.domain.webhook_health import FRESH
from extrato.store.codec import UnreadableEvent
from extrato.store.webhook_health import BATCH, Finding
from extrato.use_cases.change_merchant import change_merchant
from services.monitor.schedule import Again, Decision

if TYPE_CHECKING:
    from datetime import datetime

    from extrato.use_cases.hub import Hub
    from extrato.use_cases.payments import Decided

INTERVAL_S: Final = 15.0
NAME: Final = "webhook_health"

# Providers do not promise a webhook about a charge that ended without money.
NOT_COUNTED: Final = frozenset({"cancelled", "expired"})


def finding_of(decided: Decided, *, now: datetime) -> Finding | None:
    """Return the change of a status that a sweep found; None if it is old, or if no webhook is promised for it."""
    observed = [event for event in decided.events if isinstance(event, ObservationRecorded)]
    if not observed or decided.after.payment.status in NOT_COUNTED:
        return None
    changed_at = max(event.observed_at for event in observed)
    if changed_at < now - FRESH:
        return None
    payment = decided.after.payment
    charge = payment.charge if isinstance(payment, Charged) else None
    of_charge = (charge.charge_id, charge.attempt_id) if charge else ()
    named = (*(event.attempt_id for event in observed), *of_charge)
    resource_ids = tuple(sorted({name for name in named if name is not None}))
    return Finding(payment_id=decided.after.payment_id, changed_at=changed_at, resource_ids=resource_ids)


class JudgeAccounts:
    """A job of the lane `clock`."""

    def __init__(self, *, hub: Hub) -> None:
        self._hub = hub
        self._logger = structlog.get_logger(component=NAME)

    async def run_once(self) -> Decision:
        """Judge the changes that are due, then each account with missed ones; raises the store's errors."""
        judged = await self._hub.webhook_health.judge(self._hub.now())
        for merchant, provider in await self._hub.webhook_health.suspects():
            try:
                await self._judge(merchant, provider)
            except UnreadableEvent as error:
                # The accounts after this one must not wait for it.
                self._logger.error(  # noqa: TRY400 - the reason is known
                    "webhooks_not_judged", merchant=merchant, provider=provider, reason=error.code
                )
        return Again(0.0 if judged.judged == BATCH else INTERVAL_S)

    async def _judge(self, merchant: str, provider: str) -> None:
        facts = self._hub.webhook_health
        command, noted_since = await facts.evidence(merchant, provider, now=self._hub.now())
        cause = Cause(correlation_id=str(self._hub.new_uuid()), actor="clock", actor_id=NAME)
        try:
            changed = await change_merchant(self._hub, merchant, [command], cause=cause)
        except Refused:
            # A restored log may have lost the merchant.
            return await self._forget(merchant, provider)
        registered = changed.merchant
        if not isinstance(registered, Registered) or provider not in registered.connections:
            return await self._forget(merchant, provider)
        state = registered.webhooks.get(provider)
        if changed.is_new:
            self._log(merchant, provider, state, correlation_id=cause.correlation_id)
        if isinstance(state, WebhooksRecovered) and noted_since is not None:
            await facts.forget(merchant, provider, until=state.recovered_at)
        since = state.since if isinstance(state, WebhooksFailing) else None
        if since != noted_since:
            await facts.set_failing(merchant, provider, since)
        return None

    async def _forget(self, merchant: str, provider: str) -> None:
        """Forget an account that is not connected."""
        await self._hub.webhook_health.forget(merchant, provider, until=None)
        await self._hub.webhook_health.set_failing(merchant, provider, None)

    def _log(
        self, merchant: str, provider: str, state: WebhooksFailing | WebhooksRecovered | None, *, correlation_id: str
    ) -> None:
        match state:
            case WebhooksFailing():
                self._logger.warning(
                    "webhooks_failing",
                    merchant=merchant,
                    provider=provider,
                    reason=state.reason,
                    since=state.since.isoformat(),
                    missed=state.missed,
                    changes=state.changes,
                    correlation_id=correlation_id,
                )
            case WebhooksRecovered():
                self._logger.warning(
                    "webhooks_recovered",
                    merchant=merchant,
                    provider=provider,
                    failing_since=state.failing_since.isoformat(),
                    missed=state.missed,
                    correlation_id=correlation_id,
                )
            case None:
                pass
