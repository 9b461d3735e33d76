"""Sends webhooks until they are acknowledged, across restarts, time-outs and simulated faults.

Source: mercadopago developer docs, "Webhooks": 200 or 201 within 22 seconds, else a retry every 15 minutes,
with longer gaps after the third attempt; the number of attempts is not published.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import random
from typing import TYPE_CHECKING

import aiohttp
import msgspec

from services.sandbox.state.json_body import encode
from services.sandbox.webhooks.formats import QueuedWebhook, Signing, webhook_request
from services.sandbox.webhooks.selection import webhooks_for

if TYPE_CHECKING:
    from services.sandbox.state.accounts import Accounts
    from services.sandbox.state.clock import Clock
    from services.sandbox.state.database import Database
    from services.sandbox.state.faults import FaultDial
    from services.sandbox.state.records import Payment
    from services.sandbox.state.stats import Stats
    from services.sandbox.state.store import Store

RETRY_GAPS_MIN = (15, 15, 30, 60, 120, 240, 480, 1440)
MAX_IN_FLIGHT = 256
_DUPLICATE_GAP_MS = 500
_SHUFFLE_WINDOW_MS = 500
_WRONG_SECRET = "not-the-secret-of-this-merchant"  # noqa: S105 - wrong on purpose


class Outbox:
    """The queue of webhooks that are not acknowledged yet; it sends each webhook when it is due."""

    def __init__(
        self,
        *,
        database: Database,
        store: Store,
        accounts: Accounts,
        clock: Clock,
        faults: FaultDial,
        stats: Stats,
        timeout_s: float,
    ) -> None:
        """Load the webhooks that an earlier run left in the queue."""
        self._database = database
        self._store = store
        self._accounts = accounts
        self._clock = clock
        self._faults = faults
        self._stats = stats
        self._timeout_s = timeout_s
        self._due: list[tuple[int, int]] = []
        self._queued: dict[int, QueuedWebhook] = {}
        self._in_flight: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        for webhook in database.load("deliveries", QueuedWebhook):
            self._add(webhook)

    @property
    def pending(self) -> int:
        """The number of webhooks that are not acknowledged yet."""
        return len(self._queued)

    @property
    def retrying(self) -> int:
        """The number of pending webhooks with a failed attempt."""
        return sum(webhook.attempt > 0 for webhook in self._queued.values())

    def enqueue(self, payment: Payment, *, action: str) -> None:
        """Queue the webhooks about one change of a payment; none if no address is configured."""
        account = self._accounts.of_collector(payment.collector_id)
        webhooks = webhooks_for(
            payment,
            panel_url=None if account is None else account.webhook_url,
            action=action,
            refunded_as_processed=self._faults.now.order_refunded_as_processed,
        )
        for each in webhooks:
            for copy in range(1 + self._faults.now.webhook_duplicates):
                if not self._faults.now.webhooks:
                    self._stats.webhooks_dropped += 1
                    continue
                webhook = QueuedWebhook(
                    webhook_id=self._store.next_id(),
                    collector_id=payment.collector_id,
                    url=each.url,
                    format=each.format,
                    resource_id=each.resource_id,
                    action=each.action,
                    data=each.data,
                    event_ms=payment.updated_ms,
                    due_ms=self._clock.now_ms() + self._first_delay_ms(copy),
                )
                self._database.put("deliveries", webhook.webhook_id, webhook)
                self._add(webhook)

    async def run(self) -> None:
        """Send due webhooks until cancelled; the next run sends the remaining ones."""
        timeout = aiohttp.ClientTimeout(total=self._timeout_s)
        connector = aiohttp.TCPConnector(limit=MAX_IN_FLIGHT)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            try:
                while True:
                    self._start_due(session)
                    self._database.commit()
                    await self._wait()
            finally:
                for task in self._in_flight:
                    task.cancel()
                await asyncio.gather(*self._in_flight, return_exceptions=True)

    def clear(self) -> None:
        """Delete all webhooks."""
        self._due.clear()
        self._queued.clear()

    def _first_delay_ms(self, copy: int) -> int:
        faults = self._faults.now
        shuffled_ms = random.randrange(_SHUFFLE_WINDOW_MS) if faults.webhook_shuffle else 0  # noqa: S311
        return faults.webhook_delay_ms + shuffled_ms + self._clock.compressed_ms(copy * _DUPLICATE_GAP_MS)

    def _add(self, webhook: QueuedWebhook) -> None:
        self._queued[webhook.webhook_id] = webhook
        heapq.heappush(self._due, (webhook.due_ms, webhook.webhook_id))
        self._changed.set()

    def _start_due(self, session: aiohttp.ClientSession) -> None:
        now_ms = self._clock.now_ms()
        while self._due and self._due[0][0] <= now_ms and len(self._in_flight) < MAX_IN_FLIGHT:
            _, webhook_id = heapq.heappop(self._due)
            webhook = self._queued.get(webhook_id)
            if webhook is not None:
                task = asyncio.create_task(self._send(session, webhook))
                self._in_flight.add(task)
                task.add_done_callback(self._forget_task)

    def _forget_task(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._changed.set()

    async def _wait(self) -> None:
        self._changed.clear()
        is_full = len(self._in_flight) >= MAX_IN_FLIGHT
        wait_s = None if is_full or not self._due else max(0, self._due[0][0] - self._clock.now_ms()) / 1000
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._changed.wait()

    async def _send(self, session: aiohttp.ClientSession, webhook: QueuedWebhook) -> None:
        if not self._faults.now.webhooks:
            self._stats.webhooks_dropped += 1
            self._remove(webhook)
        elif await self._is_acknowledged(session, webhook):
            self._stats.webhooks_sent += 1
            self._remove(webhook)
        else:
            self._stats.webhooks_failed += 1
            self._retry_later(webhook)

    async def _is_acknowledged(self, session: aiohttp.ClientSession, webhook: QueuedWebhook) -> bool:
        faults = self._faults.now
        account = self._accounts.of_collector(webhook.collector_id) or self._accounts.placeholder(webhook.collector_id)
        sent = webhook_request(
            webhook,
            application_id=account.client_id,
            signing=Signing(
                secret=_WRONG_SECRET if faults.webhook_bad_signature else account.webhook_secret,
                lower_case_ids=not faults.webhook_signs_raw_id,
                ts_in_ms=faults.webhook_ts_in_ms,
            ),
            hook_id=self._store.next_id(),
            sent_ms=self._clock.now_ms(),
            timeout_s=self._timeout_s,
        )
        try:
            async with session.post(
                sent.url, data=encode(sent.body), headers=sent.headers, allow_redirects=False
            ) as response:
                return response.status in {200, 201}
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return False

    def _retry_later(self, webhook: QueuedWebhook) -> None:
        if webhook.webhook_id not in self._queued:
            return
        if webhook.attempt >= len(RETRY_GAPS_MIN):
            self._stats.webhooks_abandoned += 1
            self._remove(webhook)
            return
        gap_ms = self._clock.compressed_ms(RETRY_GAPS_MIN[webhook.attempt] * 60_000)
        retry = msgspec.structs.replace(webhook, attempt=webhook.attempt + 1, due_ms=self._clock.now_ms() + gap_ms)
        self._database.put("deliveries", retry.webhook_id, retry)
        self._add(retry)

    def _remove(self, webhook: QueuedWebhook) -> None:
        self._queued.pop(webhook.webhook_id, None)
        self._database.delete("deliveries", webhook.webhook_id)
