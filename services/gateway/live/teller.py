"""What a client of the WebSocket is told, frame by frame; a payer is told less, and by versions of its payment."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from contracts.events import StatusChanged
from contracts.frames import (
    Closing,
    EventFrame,
    Frame,
    PayersChange,
    PayersClosing,
    PayersResumed,
    PayersSnapshot,
    PayersStatus,
    PaymentState,
    Resumed,
    Snapshot,
)

if TYPE_CHECKING:
    from aiohttp import WSCloseCode, web

    from contracts.envelope import Envelope
    from extrato.use_cases.payments import LoadedPayment

_encode: Final = msgspec.json.Encoder().encode


class Situation(Struct, frozen=True, kw_only=True):
    """How things stand after `place`."""

    place: int
    epoch: int
    payments: list[PaymentState]
    reason: str | None


class Teller:
    """Tells one client, and knows up to which place: a position of the log, or for a payer a version of its payment."""

    def __init__(self, socket: web.WebSocketResponse, *, is_payer: bool, timeout_s: float) -> None:
        self._socket = socket
        self._is_payer = is_payer
        self._timeout_s = timeout_s
        self.place = 0

    async def begin_with(self, situation: Situation) -> None:
        """Tell how things stand, which is after which place."""
        await self._send(_snapshot_for_payer(situation) if self._is_payer else _snapshot(situation))
        self.place = situation.place

    async def resume(self, place: int, epoch: int) -> None:
        """Tell that what is above `place` follows."""
        await self._send(
            PayersResumed(version=place, epoch=epoch) if self._is_payer else Resumed(position=place, epoch=epoch)
        )
        self.place = place

    def is_told(self, one: Envelope | EventFrame) -> bool:
        """Say whether the client knows of an event."""
        return place_of(one, is_payer=self._is_payer) <= self.place

    async def tell(self, frame: EventFrame) -> None:
        """Tell an event, unless it was told already."""
        if self.is_told(frame):
            return
        shown = _change_for_payer(frame) if self._is_payer else frame
        if shown is not None:
            await self._send(shown)
        self.place = place_of(frame, is_payer=self._is_payer)

    async def end(self, reason: str, code: WSCloseCode, *, last_common: int | None = None) -> None:
        """Tell the last frame and close; a client that does not take it has not heard it.

        `last_common` is the position up to which the log went back, if it did.
        """
        closing: Closing | PayersClosing
        if self._is_payer:
            closing = PayersClosing(version=self.place if last_common is None else 0, reason=reason)
        else:
            position = self.place if last_common is None else min(self.place, last_common)
            closing = Closing(position=position, reason=reason)
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            await self._send(closing)
            await self._socket.close(code=code, message=reason.encode())

    async def _send(self, frame: Frame) -> None:
        """Send a frame; a socket that takes longer than a bound for it is broken."""
        async with asyncio.timeout(self._timeout_s):
            await self._socket.send_str(_encode(frame).decode())


def place_of(one: LoadedPayment | Envelope | EventFrame, *, is_payer: bool) -> int:
    """Say where something stands: a position tells how much the whole hub sells, which a payer does not learn."""
    return one.version if is_payer else one.position


def _snapshot(situation: Situation) -> Snapshot:
    return Snapshot(
        position=situation.place, epoch=situation.epoch, payments=situation.payments, reason=situation.reason
    )


def _snapshot_for_payer(situation: Situation) -> PayersSnapshot:
    return PayersSnapshot(
        version=situation.place, epoch=situation.epoch, payments=situation.payments, reason=situation.reason
    )


def _change_for_payer(frame: EventFrame) -> PayersChange | None:
    """Give what concerns a payer; attempts, evidence and e-mail addresses are the merchant's to know."""
    changed = frame.data
    if not isinstance(changed, StatusChanged):
        return None
    status = PayersStatus(
        previous=changed.previous,
        status=changed.status,
        status_detail=changed.status_detail,
        paid_at=changed.paid_at,
    )
    return PayersChange(
        payment_id=frame.payment_id,
        merchant=frame.merchant,
        version=frame.version,
        event=frame.event,
        time=frame.time,
        source=frame.source,
        data=status,
    )
