"""What a client of the WebSocket is told of places: a merchant's are positions of the log, a payer's versions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import WSCloseCode

from contracts.events import StatusChanged
from contracts.frames import LOG_RESTORED
from services.gateway.live.fanout import event_frame
from services.gateway.live.teller import Situation, Teller
from tests.unit.projections import history
from tests.unit.projections.history import enveloped

APPROVED = StatusChanged(
    previous="pending", status="approved", status_detail=None, attempt_id="a", paid_at=history.NOON
)


class Client:
    """A client that takes everything."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    async def send_str(self, text: str) -> None:
        self.told.append(json.loads(text))

    async def close(self, *, code: WSCloseCode, message: bytes) -> None:
        """Close."""


async def told(*, is_payer: bool, last_common: int | None = None) -> list[dict[str, Any]]:
    """What is told of a payment that stands at version 2 and position 700, and is paid at version 4."""
    client = Client()
    teller = Teller(client, is_payer=is_payer, timeout_s=1.0)
    await teller.begin_with(Situation(place=2 if is_payer else 700, epoch=1, payments=[], reason=None))
    for event, version, position in (
        (history.WATCHED, 2, 700),
        (history.WATCHED, 3, 800),
        (APPROVED, 4, 900),
        (APPROVED, 4, 900),
    ):
        await teller.tell(event_frame(enveloped(event, position=position, version=version)))
    await teller.end("going_away" if last_common is None else LOG_RESTORED, WSCloseCode.OK, last_common=last_common)
    return client.told


async def test_a_merchant_is_told_positions():
    assert [(each["type"], each["position"]) for each in await told(is_payer=False)] == [
        ("snapshot", 700),
        ("event", 800),
        ("event", 900),
        ("closing", 900),
    ]


async def test_a_payer_is_told_versions_of_what_concerns_it_and_no_position_anywhere():
    frames = await told(is_payer=True)
    assert [(each["type"], each["version"]) for each in frames] == [("snapshot", 2), ("event", 4), ("closing", 4)]
    assert "position" not in json.dumps(frames)
    assert not {"700", "800", "900"} & set(json.dumps(frames).replace(",", " ").split())


@pytest.mark.parametrize(("last_common", "resume_at"), [(750, 750), (900, 900), (2000, 900)])
async def test_after_a_restore_a_merchant_goes_on_where_the_log_is_the_same(last_common, resume_at):
    assert (await told(is_payer=False, last_common=last_common))[-1]["position"] == resume_at


@pytest.mark.parametrize("last_common", [0, 750, 2000])
async def test_after_a_restore_a_payer_begins_again(last_common):
    closing = (await told(is_payer=True, last_common=last_common))[-1]
    assert closing == {"type": "closing", "version": 0, "reason": LOG_RESTORED}


@pytest.mark.parametrize(("is_payer", "frame"), [(False, {"position": 5}), (True, {"version": 5})])
async def test_who_resumes_is_told_what_comes_after_that_place(is_payer, frame):
    client = Client()
    teller = Teller(client, is_payer=is_payer, timeout_s=1.0)
    await teller.resume(5, epoch=3)
    assert client.told == [{"type": "resumed", "epoch": 3, **frame}]
    assert teller.is_told(enveloped(APPROVED, position=5, version=5))
    assert not teller.is_told(enveloped(APPROVED, position=6, version=6))
    assert teller.is_told(enveloped(APPROVED, position=6, version=5)) is is_payer
