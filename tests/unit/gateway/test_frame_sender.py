"""The cursors that a WebSocket sends: positions of the log for a merchant, versions for a payer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import WSCloseCode

from contracts.events import StatusChanged
from contracts.frames import LOG_RESTORED
from services.gateway.live.fanout import event_frame
from services.gateway.live.frame_sender import FrameSender, InitialState
from tests.unit.projections import history
from tests.unit.projections.history import enveloped

APPROVED = StatusChanged(
    previous="pending", status="approved", status_detail=None, attempt_id="a", paid_at=history.NOON
)


class Client:
    """A client that reads everything."""

    def __init__(self) -> None:
        self.frames_sent: list[dict[str, Any]] = []

    async def send_str(self, text: str) -> None:
        self.frames_sent.append(json.loads(text))

    async def close(self, *, code: WSCloseCode, message: bytes) -> None:
        """Close."""


async def frames_sent(*, is_payer: bool, last_common: int | None = None) -> list[dict[str, Any]]:
    """Return the frames of a payment at version 2 and position 700 that is paid at version 4."""
    client = Client()
    sender = FrameSender(client, is_payer=is_payer, timeout_s=1.0)
    await sender.send_snapshot(InitialState(cursor=2 if is_payer else 700, epoch=1, payments=[], reason=None))
    for event, version, position in (
        (history.WATCHED, 2, 700),
        (history.WATCHED, 3, 800),
        (APPROVED, 4, 900),
        (APPROVED, 4, 900),
    ):
        await sender.send_event(event_frame(enveloped(event, position=position, version=version)))
    await sender.close("going_away" if last_common is None else LOG_RESTORED, WSCloseCode.OK, last_common=last_common)
    return client.frames_sent


async def test_merchant_frames_carry_positions():
    assert [(each["type"], each["position"]) for each in await frames_sent(is_payer=False)] == [
        ("snapshot", 700),
        ("event", 800),
        ("event", 900),
        ("closing", 900),
    ]


async def test_payer_frames_carry_versions_and_no_position():
    frames = await frames_sent(is_payer=True)
    assert [(each["type"], each["version"]) for each in frames] == [("snapshot", 2), ("event", 4), ("closing", 4)]
    assert "position" not in json.dumps(frames)
    assert not {"700", "800", "900"} & set(json.dumps(frames).replace(",", " ").split())


@pytest.mark.parametrize(("last_common", "resume_at"), [(750, 750), (900, 900), (2000, 900)])
async def test_merchant_resumes_at_last_common_position_after_restore(last_common, resume_at):
    assert (await frames_sent(is_payer=False, last_common=last_common))[-1]["position"] == resume_at


@pytest.mark.parametrize("last_common", [0, 750, 2000])
async def test_payer_begins_again_after_restore(last_common):
    closing = (await frames_sent(is_payer=True, last_common=last_common))[-1]
    assert closing == {"type": "closing", "version": 0, "reason": LOG_RESTORED}


@pytest.mark.parametrize(("is_payer", "frame"), [(False, {"position": 5}), (True, {"version": 5})])
async def test_resumed_socket_gets_events_after_its_cursor(is_payer, frame):
    client = Client()
    sender = FrameSender(client, is_payer=is_payer, timeout_s=1.0)
    await sender.send_resumed(5, epoch=3)
    assert client.frames_sent == [{"type": "resumed", "epoch": 3, **frame}]
    assert sender.has_sent(enveloped(APPROVED, position=5, version=5))
    assert not sender.has_sent(enveloped(APPROVED, position=6, version=6))
    assert sender.has_sent(enveloped(APPROVED, position=6, version=5)) is is_payer
