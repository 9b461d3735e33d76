"""Sends the frames of one WebSocket. A payer gets fewer fields, and versions of its payment instead of positions."""

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


class InitialState(Struct, frozen=True, kw_only=True):
    """The payments as of `cursor`, for a snapshot."""

    cursor: int
    epoch: int
    payments: list[PaymentState]
    reason: str | None


class FrameSender:
    """Sends to one client up to `cursor`: a position of the log, for a payer a version of its payment."""

    def __init__(self, socket: web.WebSocketResponse, *, is_payer: bool, timeout_s: float) -> None:
        self._socket = socket
        self._is_payer = is_payer
        self._timeout_s = timeout_s
        self.cursor = 0

    async def send_snapshot(self, state: InitialState) -> None:
        """Send the snapshot that a socket begins with."""
        await self._send(_snapshot_for_payer(state) if self._is_payer else _snapshot(state))
        self.cursor = state.cursor

    async def send_resumed(self, cursor: int, epoch: int) -> None:
        """Confirm that the socket resumes after `cursor`."""
        await self._send(
            PayersResumed(version=cursor, epoch=epoch) if self._is_payer else Resumed(position=cursor, epoch=epoch)
        )
        self.cursor = cursor

    def has_sent(self, one: Envelope | EventFrame) -> bool:
        """Return whether the client has an event already."""
        return cursor_of(one, is_payer=self._is_payer) <= self.cursor

    async def send_event(self, frame: EventFrame) -> None:
        """Send an event, unless the client has it already."""
        if self.has_sent(frame):
            return
        for_client = _change_for_payer(frame) if self._is_payer else frame
        if for_client is not None:
            await self._send(for_client)
        self.cursor = cursor_of(frame, is_payer=self._is_payer)

    async def close(self, reason: str, code: WSCloseCode, *, last_common: int | None = None) -> None:
        """Send the closing frame and close the socket; errors and time-outs of the client are ignored.

        `last_common` is the position to which the log went back, if it did.
        """
        closing: Closing | PayersClosing
        if self._is_payer:
            closing = PayersClosing(version=self.cursor if last_common is None else 0, reason=reason)
        else:
            position = self.cursor if last_common is None else min(self.cursor, last_common)
            closing = Closing(position=position, reason=reason)
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            await self._send(closing)
            await self._socket.close(code=code, message=reason.encode())

    async def _send(self, frame: Frame) -> None:
        """Send a frame; raises `TimeoutError` for a client that does not read it in time."""
        async with asyncio.timeout(self._timeout_s):
            await self._socket.send_str(_encode(frame).decode())


def cursor_of(one: LoadedPayment | Envelope | EventFrame, *, is_payer: bool) -> int:
    """Return the version for a payer, else the position: a position would tell a payer how much the whole hub sells."""
    return one.version if is_payer else one.position


def _snapshot(state: InitialState) -> Snapshot:
    return Snapshot(position=state.cursor, epoch=state.epoch, payments=state.payments, reason=state.reason)


def _snapshot_for_payer(state: InitialState) -> PayersSnapshot:
    return PayersSnapshot(version=state.cursor, epoch=state.epoch, payments=state.payments, reason=state.reason)


def _change_for_payer(frame: EventFrame) -> PayersChange | None:
    """Return the change of status for a payer; attempts, evidence and e-mail addresses are for the merchant only."""
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
