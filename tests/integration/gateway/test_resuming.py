"""Resuming a merchant's WebSocket, on a real log and a real table of positions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import asyncpg
import pytest
from aiohttp import test_utils, web

from extrato.domain import merchant
from extrato.settings import Settings
from extrato.store.appender import StreamAppend
from extrato.store.codec import NewEvent
from extrato.use_cases.merchant_directory import MerchantDirectory
from services.gateway.api import websocket
from services.gateway.gateway import GATEWAY
from services.gateway.http.rate_limits import RateLimiter
from services.gateway.live.fanout import Fanout
from services.gateway.live.socket_limits import SocketLimits
from services.gateway.pipeline import wrap_handler
from services.gateway.routes import ROUTES
from services.projections.read_models.merchant_positions import MERCHANT_POSITIONS
from services.projections.read_models.registry import READ_MODELS
from tests.integration.projections.conftest import Hub
from tests.unit.projections import history

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MINE = history.MERCHANT
OTHER = "padaria-da-ana"
MY_PAYMENT = 1
OTHERS_PAYMENT = 2

# The pipeline stores the caller on the request under plain names, and aiohttp warns about those.
pytestmark = pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")


class Resuming:
    """A log with two merchants, and a gateway that serves only `/ws`."""

    def __init__(self, hub: Hub, client: test_utils.TestClient, gateway: SimpleNamespace) -> None:
        self.hub = hub
        self._client = client
        self._gateway = gateway

    async def happened(self, count: int) -> list[int]:
        """Append events of both merchants in turn; return the positions of the first merchant's."""
        mine = []
        for _ in range(count):
            await self.hub.append(history.WATCHED, payment_id=OTHERS_PAYMENT, merchant=OTHER)
            (written,) = await self.hub.append(history.WATCHED, payment_id=MY_PAYMENT)
            mine.append(written.position)
        return mine

    async def build_table(self) -> None:
        await self.hub.rebuild(MERCHANT_POSITIONS)

    async def make_unreadable(self, position: int) -> None:
        change = "UPDATE stored_events SET topic = 'PaymentTeleported.v1' WHERE notification_id = $1"
        await self.hub.pool.execute(change, position)

    async def first_frame(self, **query: str) -> dict[str, Any]:
        async with self._client.ws_connect("/ws", params={"padaria_slug": MINE, **query}) as opened:
            return await opened.receive_json()

    async def ended_by_a_log_that_went_back(self, *, after: int, to: int) -> dict[str, Any]:
        """Resume, set the log back, and return the closing frame."""
        async with self._client.ws_connect("/ws", params={"padaria_slug": MINE, "after": str(after)}) as opened:
            assert (await opened.receive_json())["type"] == "resumed"
            self._gateway.fanout.close_for_restore(to)
            return await opened.receive_json()

    async def events_after(self, *, after: int) -> tuple[list[int], str]:
        """Resume and stop the gateway; return the positions of the events, and the reason of the closing frame."""
        self._gateway.live.position = await self.hub.log.head()
        positions = []
        async with self._client.ws_connect("/ws", params={"padaria_slug": MINE, "after": str(after)}) as opened:
            assert (await opened.receive_json())["type"] == "resumed"
            self._gateway.fanout.close()
            while (frame := await opened.receive_json())["type"] == "event":
                assert (frame["merchant"], frame["payment_id"]) == (MINE, MY_PAYMENT)
                positions.append(frame["position"])
        return positions, frame["reason"]


@pytest.fixture
async def resuming(database_url: str) -> AsyncIterator[Resuming]:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=4) as pool:
        hub = Hub(database_url=database_url, pool=pool)
        settings = Settings.from_environment({"EXTRATO_AUTH": "open"})
        gateway = SimpleNamespace(
            settings=settings,
            hub=SimpleNamespace(log=hub.log, new_uuid=uuid4),
            pool=pool,
            merchants=MerchantDirectory(hub.log),
            fanout=Fanout(),
            socket_limits=SocketLimits(),
            live=SimpleNamespace(position=0, epoch=2),
            rate_limiter=RateLimiter(settings),
        )
        app = web.Application()
        app[GATEWAY] = gateway
        route = next(each for each in ROUTES if each.handler is websocket.open_socket)
        app.router.add_route(route.method, route.path, wrap_handler(route))
        registered = NewEvent(
            event_id=uuid4(),
            merchant=MINE,
            payment_id=None,
            occurred_at=history.NOON,
            recorded_at=history.NOON,
            cause=history.enveloped(history.REGISTERED).cause,
            event=history.REGISTERED,
        )
        await hub.log.append(StreamAppend(stream_id=merchant.stream_id(MINE), expected_version=0, events=[registered]))
        async with test_utils.TestClient(test_utils.TestServer(app)) as client:
            yield Resuming(hub, client, gateway)
        await hub.log.close()


async def test_merchant_gets_own_events_from_table_then_log(resuming, monkeypatch):
    monkeypatch.setattr(websocket, "PAGE", 2)
    known = await resuming.happened(5)
    await resuming.build_table()
    unknown = await resuming.happened(3)
    await resuming.hub.append(history.RENAMED)
    # Only positions above the table are read from the log.
    monkeypatch.setattr(websocket, "MAX_SCANNED", await resuming.hub.log.head() - known[-1])
    assert await resuming.events_after(after=known[0]) == (known[1:] + unknown, "going_away")
    assert await resuming.events_after(after=known[-1]) == (unknown, "going_away")
    assert await resuming.events_after(after=unknown[1]) == (unknown[2:], "going_away")


async def test_unreadable_event_is_skipped(resuming, monkeypatch):
    monkeypatch.setattr(websocket, "PAGE", 2)
    known = await resuming.happened(5)
    await resuming.build_table()
    unknown = await resuming.happened(3)
    for position in (known[1], known[2], unknown[1]):
        await resuming.make_unreadable(position)
    readable = [known[0], *known[3:], unknown[0], unknown[2]]
    assert await resuming.events_after(after=0) == (readable, "going_away")


async def test_missing_table_falls_back_to_log(resuming):
    mine = await resuming.happened(3)
    assert await resuming.events_after(after=0) == (mine, "going_away")


async def test_table_too_far_behind_closes_socket_after_known_events(resuming, monkeypatch):
    known = await resuming.happened(2)
    await resuming.build_table()
    await resuming.happened(2)
    monkeypatch.setattr(websocket, "MAX_SCANNED", 3)
    assert await resuming.events_after(after=0) == (known, "try_again")


async def test_wrong_table_leaks_no_other_merchants_event(resuming):
    mine = await resuming.happened(2)
    await resuming.build_table()
    await resuming.hub.pool.execute("INSERT INTO merchant_positions VALUES ($1, $2)", MINE, mine[-1] - 1)
    assert await resuming.events_after(after=0) == (mine, "going_away")


@pytest.mark.parametrize(("after", "to", "position"), [(6, 4, 4), (3, 4, 3)])
async def test_restored_log_closes_socket_and_client_resumes(resuming, after, to, position):
    await resuming.happened(4)
    frame = await resuming.ended_by_a_log_that_went_back(after=after, to=to)
    assert frame == {"type": "closing", "position": position, "reason": "log_restored"}


async def test_position_of_other_epoch_gets_snapshot(resuming):
    await resuming.happened(4)
    for read_model in READ_MODELS:
        await resuming.hub.rebuild(read_model)
    for epoch, after in (("1", "3"), ("1", "900000"), ("3", "3"), ("x", "3")):
        frame = await resuming.first_frame(after=after, epoch=epoch)
        assert (frame["type"], frame["reason"], frame["epoch"]) == ("snapshot", "log_restored", 2)
    assert await resuming.first_frame(after="3", epoch="2") == {"type": "resumed", "position": 3, "epoch": 2}
    assert await resuming.first_frame(after="3") == {"type": "resumed", "position": 3, "epoch": 2}
    assert (await resuming.first_frame())["reason"] is None
