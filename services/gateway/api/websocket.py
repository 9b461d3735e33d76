"""`GET /ws`: a snapshot, or all events since a position, and then every event as it happens.

A socket listens before it reads earlier events, so that it misses none; an event that arrives both ways is sent once.
A payer listens to one payment and receives its changes of status, without positions of the log.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from aiohttp import WSCloseCode, web
from msgspec import Struct

from contracts.digits import POSITION_DIGITS, number_in
from contracts.frames import LOG_RESTORED, AttemptState, EventFrame, PaymentState
from extrato.domain.errors import Refused
from extrato.domain.money import to_reais
from extrato.domain.payment.identifiers import stream_id
from extrato.use_cases.payments import load_payment
from services.gateway import access
from services.gateway.api import queries
from services.gateway.authentication import bearer_of
from services.gateway.gateway import Gateway, client_address, gateway_of
from services.gateway.http import fields
from services.gateway.http.caller import caller_of
from services.gateway.http.values import single
from services.gateway.live.fanout import GOING_AWAY, Key, Listener, event_frame
from services.gateway.live.frame_sender import FrameSender, InitialState, cursor_of
from services.gateway.live.socket_limits import MAX_MESSAGE_BYTES
from services.gateway.metrics import SOCKETS, SOCKETS_DROPPED
from services.gateway.revocations import refuse_revoked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from contracts.envelope import Envelope
    from contracts.read_models import PaymentDetails
    from extrato.use_cases.payments import LoadedPayment

HEARTBEAT_S: Final = 20.0
SNAPSHOT_LIMIT: Final = 200
PAGE: Final = 500
MAX_SCANNED: Final = 100_000
# How long the gateway waits for an aborted client to take the closing frame.
CLOSE_WITHIN_S: Final = 0.5


class TooFarBehind(Exception):
    """The table of positions is too far behind the log: one socket must not read the whole gap."""


async def open_socket(request: web.Request) -> web.StreamResponse:
    """Serve one socket for `?payment_id=` or `?padaria_slug=`, with or without `&after=`."""
    gateway = gateway_of(request)
    key, start = await _target(request)
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MAX_MESSAGE_BYTES, compress=False)
    if not socket.can_prepare(request).ok:
        raise Refused("not_a_websocket", "Upgrade")
    slot = gateway.socket_limits.acquire(client_address(request), caller_of(request))
    listener = gateway.fanout.listen(key, api_key=bearer_of(request), caller=caller_of(request))
    SOCKETS.inc()
    try:
        await refuse_revoked(listener, gateway)
        await socket.prepare(request)
        reader = asyncio.create_task(_discard_frames(socket, listener))
        sender = FrameSender(socket, is_payer=caller_of(request).is_payer, timeout_s=gateway.settings.timeouts.socket_s)
        try:
            async with listener.sending():
                await _serve(request, sender, listener, key, start)
            if listener.is_aborted:
                await _abort(request, sender, listener)
        except ConnectionResetError:
            pass
        except TimeoutError:
            # The client does not read. It knows its own cursor, so that it can resume.
            SOCKETS_DROPPED.inc()
            if request.transport is not None:
                request.transport.abort()
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
    finally:
        SOCKETS.dec()
        gateway.fanout.leave(key, listener)
        slot.release()
    return socket


class Start(Struct, frozen=True, kw_only=True):
    """Where a socket begins: after a cursor, or (None) with a snapshot. `reason` says why it does not resume."""

    after: int | None
    reason: str | None = None


async def _target(request: web.Request) -> tuple[Key, Start]:
    """Return what the socket listens to and where it begins; raises `Refused` where the caller may not."""
    gateway, caller = gateway_of(request), caller_of(request)
    number, slug = single(request.query, "payment_id"), single(request.query, "padaria_slug")
    if (number is None) == (slug is None):
        raise Refused("nothing_to_listen_to", "payment_id")
    if number is not None:
        loaded = await access.payment_for(gateway, caller, fields.payment_id(number))
        return loaded.payment_id, _start(request, reached=cursor_of(loaded, is_payer=caller.is_payer))
    merchant = await access.merchant_for(gateway, caller, slug or "")
    return merchant.slug, _start(request, reached=await gateway.hub.log.head())


def _start(request: web.Request, *, reached: int) -> Start:
    """Read where a socket begins. A position of another epoch may be of another event, so that it gets a snapshot."""
    after, epoch = single(request.query, "after"), single(request.query, "epoch")
    if after is None:
        return Start(after=None)
    if epoch is not None and epoch != str(gateway_of(request).live.epoch):
        return Start(after=None, reason=LOG_RESTORED)
    return Start(after=_position(after, reached=reached))


def _position(text: str, *, reached: int) -> int:
    """Read the cursor to resume after; the hub has never sent one above `reached`."""
    position = number_in(text, digits=POSITION_DIGITS)
    if position is None or position > reached:
        raise Refused("invalid_position", "after")
    return position


async def _serve(request: web.Request, sender: FrameSender, listener: Listener, key: Key, start: Start) -> None:
    gateway = gateway_of(request)
    if start.after is None:
        await sender.send_snapshot(await _initial_state(request, key, start.reason))
    else:
        await sender.send_resumed(start.after, gateway.live.epoch)
    try:
        async for frame in _earlier(gateway, key, sender):
            await sender.send_event(frame)
    except TooFarBehind:
        await sender.close("try_again", WSCloseCode.TRY_AGAIN_LATER)
        return
    while True:
        for frame in await listener.next_frames():
            await sender.send_event(frame)
        if listener.overflowed:
            SOCKETS_DROPPED.inc()
            await sender.close("too_slow", WSCloseCode.TRY_AGAIN_LATER)
            return
        if listener.closed:
            code = WSCloseCode.SERVICE_RESTART if listener.close_reason == GOING_AWAY else WSCloseCode.GOING_AWAY
            await sender.close(listener.close_reason, code, last_common=listener.last_common)
            return


async def _abort(request: web.Request, sender: FrameSender, listener: Listener) -> None:
    """Send the reason if the client has read everything else, then abort the connection."""
    if request.transport is None:
        return
    if not request.transport.get_write_buffer_size():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await sender.close(listener.close_reason, WSCloseCode.GOING_AWAY)
    if request.transport is not None:
        request.transport.abort()


async def _initial_state(request: web.Request, key: Key, reason: str | None) -> InitialState:
    gateway, caller = gateway_of(request), caller_of(request)
    epoch = gateway.live.epoch
    if isinstance(key, int):
        loaded = await load_payment(gateway.hub, key)
        cursor, payments = cursor_of(loaded, is_payer=caller.is_payer), [_state_of_loaded(loaded)]
    else:
        cursor, found = await queries.snapshot_of(gateway.pool, key, limit=SNAPSHOT_LIMIT)
        payments = [_state_of_details(details) for details in found]
    return InitialState(cursor=cursor, epoch=epoch, payments=payments, reason=reason)


async def _earlier(gateway: Gateway, key: Key, sender: FrameSender) -> AsyncIterator[EventFrame]:
    """Yield in order the events after the client's cursor, up to when the socket began to listen."""
    if isinstance(key, int):
        for envelope in await gateway.hub.log.read_stream(stream_id(key)):
            if not sender.has_sent(envelope):
                yield event_frame(envelope)
        return
    async for envelope in _candidates_of_merchant(gateway, key, sender.cursor):
        # The table gives positions; only the log says to which merchant an event belongs.
        if envelope.merchant == key and envelope.payment_id is not None:
            yield event_frame(envelope)


async def _candidates_of_merchant(gateway: Gateway, slug: str, after: int) -> AsyncIterator[Envelope]:
    """Read the events at the merchant's positions, then the whole log above the table; raises `TooFarBehind`."""
    log, listening_from = gateway.hub.log, gateway.live.position
    while after < listening_from:
        reached, positions = await queries.positions_of(gateway.pool, slug, after=after, limit=PAGE)
        for envelope in await log.read_positions(positions):
            yield envelope
        after = max(after, reached)
        if len(positions) < PAGE:
            break
    if listening_from - after > MAX_SCANNED:
        raise TooFarBehind
    if after < listening_from:
        async for envelope in log.read_all(after, up_to=listening_from):
            yield envelope


def _state_of_loaded(loaded: LoadedPayment) -> PaymentState:
    payment = loaded.payment
    ledger, total = payment.ledger, payment.ledger.total
    return PaymentState(
        payment_id=loaded.payment_id,
        merchant=loaded.merchant,
        status=payment.status,
        status_detail=payment.status_detail,
        amount=to_reais(payment.intent.amount_centavos),
        held_amount=to_reais(total.held),
        refunded_amount=to_reais(total.refunded),
        disputed_amount=to_reais(total.disputed),
        description=payment.intent.description,
        paid_at=ledger.paid_at,
        updated_at=loaded.updated_at,
    )


def _state_of_details(details: PaymentDetails) -> PaymentState:
    return PaymentState(
        payment_id=details.payment_id,
        merchant=details.merchant,
        status=details.status,
        status_detail=details.status_detail,
        amount=to_reais(details.amount_centavos),
        held_amount=to_reais(details.held_centavos),
        refunded_amount=to_reais(details.refunded_centavos),
        disputed_amount=to_reais(details.disputed_centavos),
        description=details.description,
        paid_at=details.paid_at,
        updated_at=details.updated_at,
        attempts=[
            AttemptState(
                mp_payment_id=each.attempt_id,
                status=each.status,
                status_detail=each.status_detail,
                amount=to_reais(each.amount_centavos),
                held_amount=to_reais(each.held_centavos),
                refunded_amount=to_reais(each.refunded_centavos),
                currency=each.currency,
            )
            for each in details.attempts
        ],
        alerts=list(details.alerts),
    )


async def _discard_frames(socket: web.WebSocketResponse, listener: Listener) -> None:
    """Read and discard the client's frames, so that pings are answered and a disconnect is noticed."""
    async for _ in socket:
        continue
    listener.close("left")
