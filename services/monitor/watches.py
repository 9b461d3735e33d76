"""Tells the log what happens to each watch: started, checked, moved, finished.

Several processes may sweep one account in turn. Each knows the watches that it has seen; a check's number
follows from the time, so that all of them count alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from extrato.use_cases.create_payment import WATCH
from extrato.use_cases.payments import load_payment
from services.monitor.schedule import check_number

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from contracts.read_models import OpenPayment
    from extrato.use_cases.hub import Hub
    from extrato.use_cases.payments import Decided


class Watches:
    """The watches that this process has seen and whose end it has not told yet, by account."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._known: dict[str, dict[int, datetime]] = {}
        self._logger = structlog.get_logger(component="watches")

    async def look(self, account: str, watched: Sequence[OpenPayment]) -> None:
        """Compare with what is being watched; tell of the watches that began and of those that ended."""
        present = {payment.payment_id: payment.watch_until for payment in watched if payment.watch_until}
        known = self._known.pop(account, {})
        if present:
            self._known[account] = present
        for payment_id, watch_until in present.items():
            if known.get(payment_id) != watch_until:
                self._tell_of_begin(account, payment_id, watch_until)
        for payment_id in known.keys() - present.keys():
            await self._tell_of_end(account, payment_id, known[payment_id])

    def checked(self, account: str) -> None:
        """Tell that the provider is being asked about the account's watched payments."""
        for payment_id, watch_until in self._known.get(account, {}).items():
            self._logger.debug("watch_check", account=account, payment_id=payment_id, number=self._number(watch_until))

    def decided(self, account: str, decided: Decided, *, correlation_id: str) -> bool:
        """Tell what an observation changed; gives whether the payment's status moved."""
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
                self._tell_of_final_status(account, payment_id, watch_until, after.status)
        return True

    def _tell_of_begin(self, account: str, payment_id: int, watch_until: datetime) -> None:
        number = self._number(watch_until)
        event = "watch_started" if number == 1 else "watch_taken_over"
        self._logger.info(
            event, account=account, payment_id=payment_id, number=number, watch_until=watch_until.isoformat()
        )

    async def _tell_of_end(self, account: str, payment_id: int, watch_until: datetime) -> None:
        if watch_until <= self._hub.now():
            self._tell_of_finish(account, payment_id, watch_until, reason="time")
            return
        loaded = await load_payment(self._hub, payment_id)
        self._tell_of_final_status(account, payment_id, watch_until, loaded.payment.status)

    def _tell_of_final_status(self, account: str, payment_id: int, watch_until: datetime, status: str) -> None:
        self._logger.info("watch_stops", account=account, payment_id=payment_id, final_status=status)
        self._tell_of_finish(account, payment_id, watch_until, reason="final_status")

    def _tell_of_finish(self, account: str, payment_id: int, watch_until: datetime, *, reason: str) -> None:
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
