"""Writes log lines for each watch: started, checked, status changed, finished.

Several processes may sweep one account in turn. Each process knows the watches that it has seen. The number of a check
follows from the time, so that all processes count alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from extrato.use_cases.complete_charge import WATCH
from extrato.use_cases.payments import load_payment
from services.monitor.schedule import check_number

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from contracts.read_models import OpenPayment
    from extrato.use_cases.hub import Hub
    from extrato.use_cases.payments import Decided


class Watches:
    """The watches, by account, that this process has seen and whose end it has not logged."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._known: dict[str, dict[int, datetime]] = {}
        self._logger = structlog.get_logger(component="watches")

    async def update(self, account: str, watched: Sequence[OpenPayment]) -> None:
        """Compare with the watched payments, and log the watches that began and those that ended."""
        present = {payment.payment_id: payment.watch_until for payment in watched if payment.watch_until}
        known = self._known.pop(account, {})
        if present:
            self._known[account] = present
        for payment_id, watch_until in present.items():
            if known.get(payment_id) != watch_until:
                self._log_start(account, payment_id, watch_until)
        for payment_id in known.keys() - present.keys():
            await self._log_end(account, payment_id, known[payment_id])

    def log_checks(self, account: str) -> None:
        """Log a check of each watched payment of the account."""
        for payment_id, watch_until in self._known.get(account, {}).items():
            self._logger.debug("watch_check", account=account, payment_id=payment_id, number=self._number(watch_until))

    def log_decision(self, account: str, decided: Decided, *, correlation_id: str) -> bool:
        """Log a change of the payment's status; return False when the status is the same."""
        before, after = decided.before.payment, decided.after.payment
        payment_id = decided.after.payment_id
        if before.status == after.status:
            return False
        self._logger.info(
            "status_changed",
            account=account,
            payment_id=payment_id,
            previous=before.status,
            status=after.status,
            position=decided.after.position,
            correlation_id=correlation_id,
        )
        if not after.may_still_be_paid:
            watch_until = self._known.get(account, {}).pop(payment_id, None)
            if watch_until is not None:
                self._log_final_status(account, payment_id, watch_until, after.status)
        return True

    def _log_start(self, account: str, payment_id: int, watch_until: datetime) -> None:
        number = self._number(watch_until)
        event = "watch_started" if number == 1 else "watch_taken_over"
        self._logger.info(
            event, account=account, payment_id=payment_id, number=number, watch_until=watch_until.isoformat()
        )

    async def _log_end(self, account: str, payment_id: int, watch_until: datetime) -> None:
        if watch_until <= self._hub.now():
            self._log_finish(account, payment_id, watch_until, reason="time")
            return
        loaded = await load_payment(self._hub, payment_id)
        self._log_final_status(account, payment_id, watch_until, loaded.payment.status)

    def _log_final_status(self, account: str, payment_id: int, watch_until: datetime, status: str) -> None:
        self._logger.info("watch_stops", account=account, payment_id=payment_id, final_status=status)
        self._log_finish(account, payment_id, watch_until, reason="final_status")

    def _log_finish(self, account: str, payment_id: int, watch_until: datetime, *, reason: str) -> None:
        self._logger.info(
            "watch_finished",
            account=account,
            payment_id=payment_id,
            checks=self._number(watch_until),
            reason=reason,
        )

    def _number(self, watch_until: datetime) -> int:
        at = min(self._hub.now(), watch_until)
        return check_number(watch_until, duration=WATCH, now=at)
