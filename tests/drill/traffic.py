"""The drill's traffic: sales, confirmations, a merchant's socket and a subscriber. Each retries after a failure."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from uuid import uuid4

import aiohttp
import nats
import nats.errors
import nats.js.errors
from nats.js.api import AckPolicy, ConsumerConfig

from tests.bench.running import until_server_answers

CREATIONS_PER_S = 40
MERCHANT = "padaria-do-marcos"
TIMEOUT = aiohttp.ClientTimeout(total=15)


class Traffic:
    def __init__(self, *, port: int, api_key: str, nats_url: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.headers = {"Authorization": f"Bearer {api_key}"}
        self.nats_url = nats_url
        # When the hub acknowledged each sale and each confirmation, by payment id and bank_payment_id.
        self.created: dict[tuple[int, str], float] = {}
        self.confirmed: dict[tuple[int, str], float] = {}
        self.refused = self.failed = 0
        # The epoch and position of each event that the subscriber received, by event id.
        self.subscribed: dict[str, tuple[int, int]] = {}
        # The epoch, position, payment id and type of each event that the socket received.
        self.socket_events: list[tuple[int, int, int, str]] = []
        # The positions in the `log_restored` frames: where the log ended, and those of the snapshots that followed.
        self.restored: list[int] = []
        self.snapshots: list[int] = []
        self.position, self.epoch, self.has_snapshot, self.first_position = 0, 1, False, 0
        self._to_confirm: asyncio.Queue[tuple[int, str]] = asyncio.Queue()
        self._is_stopping = False

    def counts(self) -> dict[str, int]:
        return {
            "created": len(self.created),
            "confirmed": len(self.confirmed),
            "refused": self.refused,
            "answered 500": self.failed,
            "subscriber": len(self.subscribed),
            "socket": len(self.socket_events),
            "log_restored": len(self.restored),
        }

    @contextlib.asynccontextmanager
    async def running(self):
        async with aiohttp.ClientSession(headers=self.headers, timeout=TIMEOUT) as session:
            await until_server_answers(f"{self.url}/readyz")
            listeners = [asyncio.create_task(each) for each in (self._subscribe(), self._listen(session))]
            sales = [asyncio.create_task(each) for each in (self._sell(session), self._confirm(session))]
            yield
            self._is_stopping = True
            await asyncio.gather(*sales)
            await asyncio.sleep(8)
            for listener in listeners:
                listener.cancel()
            await asyncio.gather(*listeners, return_exceptions=True)

    async def _sell(self, session: aiohttp.ClientSession) -> None:
        selling: set[asyncio.Task[None]] = set()
        while not self._is_stopping:
            task = asyncio.create_task(self._sell_one(session))
            selling.add(task)
            task.add_done_callback(selling.discard)
            await asyncio.sleep(1 / CREATIONS_PER_S)
        await asyncio.gather(*selling)

    async def _sell_one(self, session: aiohttp.ClientSession) -> None:
        """Retry with one Idempotency-Key until the hub acknowledges the sale, as a shop does."""
        key = {"Idempotency-Key": uuid4().hex}
        for _ in range(60):
            answer = await self._post(session, "/payments/pix", {"value": 3}, key)
            if answer is not None:
                sale = (answer["payment"]["id"], answer["payment"]["bank_payment_id"])
                self.created[sale] = time.time()
                if len(self.created) % 4 == 0:
                    self._to_confirm.put_nowait(sale)
                return
            await asyncio.sleep(0.5)

    async def _confirm(self, session: aiohttp.ClientSession) -> None:
        while not self._is_stopping or not self._to_confirm.empty():
            try:
                async with asyncio.timeout(1):
                    sale = await self._to_confirm.get()
            except TimeoutError:
                continue
            for _ in range(60):
                body = {"bank_payment_id": sale[1], "value": 3}
                answer = await self._post(session, "/payments/pix/confirmation", body, {})
                if answer is not None:
                    self.confirmed[sale] = time.time()
                    break
                if self._is_lost:
                    break
                await asyncio.sleep(0.5)

    async def _post(self, session: aiohttp.ClientSession, path: str, body: dict, headers: dict) -> dict | None:
        self._is_lost = False
        try:
            async with session.post(self.url + path, json=body, headers=headers) as answer:
                if answer.status in {200, 201}:
                    return await answer.json()
                # The restore has lost the payment.
                self._is_lost = answer.status == 404
                if answer.status >= 500 and answer.status != 503:
                    self.failed += 1
        except (aiohttp.ClientError, TimeoutError):
            pass
        self.refused += 1
        return None

    async def _listen(self, session: aiohttp.ClientSession) -> None:
        """Receive events as a frontend does; each connection resumes at the last position."""
        while True:
            query = {"padaria_slug": MERCHANT}
            if self.has_snapshot:
                query |= {"after": str(self.position), "epoch": str(self.epoch)}
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, TypeError):
                async with session.ws_connect(f"{self.url}/ws", params=query, timeout=5) as socket:
                    async for message in socket:
                        self._receive(json.loads(message.data))
            await asyncio.sleep(0.3)

    def _receive(self, frame: dict) -> None:
        match frame["type"]:
            case "snapshot" | "resumed":
                if frame.get("reason") == "log_restored":
                    self.snapshots.append(frame["position"])
                if not self.has_snapshot:
                    self.first_position = frame["position"]
                self.position, self.epoch, self.has_snapshot = frame["position"], frame["epoch"], True
            case "closing":
                if frame["reason"] == "log_restored":
                    self.restored.append(frame["position"])
                self.position = frame["position"]
            case "event":
                self.position = frame["position"]
                self.socket_events.append((self.epoch, frame["position"], frame["payment_id"], frame["event"]))

    async def _subscribe(self) -> None:
        """Receive events with a durable consumer; create it again when a restore has removed it."""
        while True:
            client = None
            try:
                client = await nats.connect(
                    self.nats_url, max_reconnect_attempts=3, connect_timeout=2, error_cb=ignore_error
                )
                jetstream = client.jetstream()
                config = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT)
                subscription = await jetstream.pull_subscribe(">", durable="drill", stream="PAYMENTS", config=config)
                while True:
                    try:
                        messages = await subscription.fetch(500, timeout=1)
                    except nats.errors.TimeoutError:
                        await jetstream.consumer_info("PAYMENTS", "drill")
                        continue
                    for message in messages:
                        headers = message.headers or {}
                        epoch_and_position = (int(headers["ce-epoch"]), int(headers["ce-position"]))
                        self.subscribed.setdefault(headers["ce-id"], epoch_and_position)
                        await message.ack()
            except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError):
                await asyncio.sleep(0.5)
            finally:
                if client is not None:
                    with contextlib.suppress(Exception):
                        await client.close()


async def ignore_error(_error: Exception) -> None:
    """Print nothing: the drill breaks connections on purpose."""
