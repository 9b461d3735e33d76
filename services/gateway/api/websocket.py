"""`GET /ws`: how things stand, or all since a position, and from then on every event as it happens.

A socket listens before it reads what came earlier, so there is no hole between the two; what comes
by both ways is sent once. A payer listens to one payment, and is told how its status changes and nothing of the log.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from aiohttp import WSCloseCode, web
from msgspec import Struct

from contracts.frames import LOG_RESTORED, AttemptState, EventFrame, PaymentState
from extrato.domain.errors import Refused
from extrato.domain.money import to_reais
from extrato.domain.payment.identifiers import stream_id
from extrato.use_cases.payments import load_payment
from services.gateway import lookup
from services.gateway.api import queries
from services.gateway.authentication import bearer_of
from services.gateway.gateway import Gateway, client_address, gateway_of
from services.gateway.http import fields
from services.gateway.http.caller import caller_of
from services.gateway.http.values import single
from services.gateway.live.fanout import Key, Listener, event_frame
from services.gateway.live.teller import Situation, Teller, place_of
from services.gateway.metrics import SOCKETS, SOCKETS_DROPPED
from services.gateway.revocations import refuse_revoked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from contracts.envelope import Envelope
    from contracts.read_models import PaymentDetails
    from extrato.use_cases.payments import LoadedPayment

HEARTBEAT_S: Final = 20.0
MAX_MESSAGE_BYTES: Final = 4096
SNAPSHOT_LIMIT: Final = 200
PAGE: Final = 500
MAX_SCANNED: Final = 100_000
MAX_POSITION_LENGTH: Final = 18
# For so long a client that is cut off may take to say goodbye.
FAREWELL_S: Final = 0.5


class TooFarBehind(Exception):
    """The table of positions is so far behind the log that what lies between cannot be read for one socket."""


async def open_socket(request: web.Request) -> web.StreamResponse:
    """Serve one socket for `?payment_id=` or `?padaria_slug=`, with or without `&after=`."""
    gateway = gateway_of(request)
    key, start = await _target(request)
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MAX_MESSAGE_BYTES, compress=False)
    if not socket.can_prepare(request).ok:
        raise Refused("not_a_websocket", "Upgrade")
    place = gateway.places.take(client_address(request), caller_of(request))
    listener = gateway.fanout.listen(key, api_key=bearer_of(request), caller=caller_of(request))
    SOCKETS.inc()
    try:
        await refuse_revoked(listener, gateway)
        await socket.prepare(request)
        reader = asyncio.create_task(_ignore_what_comes(socket, listener))
        teller = Teller(socket, is_payer=caller_of(request).is_payer, timeout_s=gateway.settings.timeouts.socket_s)
        try:
            async with listener.telling():
                await _serve(request, teller, listener, key, start)
            if listener.is_cut:
                await _cut_off(request, teller, listener)
        except ConnectionResetError:
            pass
        except TimeoutError:
            # Its buffers are full and it reads nothing; it knows itself how far it had come.
            SOCKETS_DROPPED.inc()
            if request.transport is not None:
                request.transport.abort()
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
    finally:
        SOCKETS.dec()
        gateway.fanout.leave(key, listener)
        place.leave()
    return socket


class Start(Struct, frozen=True, kw_only=True):
    """Where a socket begins: after a place, or with a snapshot (None), which says why it is not resumed."""

    after: int | None
    reason: str | None = None


async def _target(request: web.Request) -> tuple[Key, Start]:
    """Find what the socket listens to, that the caller may, and where it begins."""
    gateway, caller = gateway_of(request), caller_of(request)
    number, slug = single(request.query, "payment_id"), single(request.query, "padaria_slug")
    if (number is None) == (slug is None):
        raise Refused("nothing_to_listen_to", "payment_id")
    if number is not None:
        loaded = await lookup.payment_for(gateway, caller, fields.payment_id(number))
        return loaded.payment_id, _start(request, reached=place_of(loaded, is_payer=caller.is_payer))
    merchant = await lookup.merchant_for(gateway, caller, slug or "")
    return merchant.slug, _start(request, reached=await gateway.hub.log.head())


def _start(request: web.Request, *, reached: int) -> Start:
    """Read where a socket resumes; a position of another epoch may stand for another event."""
    after, epoch = single(request.query, "after"), single(request.query, "epoch")
    if after is None:
        return Start(after=None)
    if epoch is not None and epoch != str(gateway_of(request).live.epoch):
        return Start(after=None, reason=LOG_RESTORED)
    return Start(after=_position(after, reached=reached))


def _position(text: str, *, reached: int) -> int:
    """Read from where to resume; a place that was not reached was told by nobody here."""
    is_number = text.isascii() and text.isdigit() and len(text) <= MAX_POSITION_LENGTH
    if not is_number or int(text) > reached:
        raise Refused("invalid_position", "after")
    return int(text)


async def _serve(request: web.Request, teller: Teller, listener: Listener, key: Key, start: Start) -> None:
    gateway = gateway_of(request)
    if start.after is None:
        await teller.begin_with(await _situation(request, key, start.reason))
    else:
        await teller.resume(start.after, gateway.live.epoch)
    try:
        async for frame in _earlier(gateway, key, teller):
            await teller.tell(frame)
    except TooFarBehind:
        await teller.end("try_again", WSCloseCode.TRY_AGAIN_LATER)
        return
    while True:
        for frame in await listener.take():
            await teller.tell(frame)
        if listener.overflowed:
            SOCKETS_DROPPED.inc()
            await teller.end("too_slow", WSCloseCode.TRY_AGAIN_LATER)
            return
        if listener.closed:
            await teller.end(listener.ends_because, WSCloseCode.GOING_AWAY, last_common=listener.last_common)
            return


async def _cut_off(request: web.Request, teller: Teller, listener: Listener) -> None:
    """Say why, and hang up; a client that does not read what it was told before is not told that either."""
    if request.transport is None:
        return
    if not request.transport.get_write_buffer_size():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await teller.end(listener.ends_because, WSCloseCode.GOING_AWAY)
    if request.transport is not None:
        request.transport.abort()


async def _situation(request: web.Request, key: Key, reason: str | None) -> Situation:
    gateway, caller = gateway_of(request), caller_of(request)
    epoch = gateway.live.epoch
    if isinstance(key, int):
        loaded = await load_payment(gateway.hub, key)
        place, payments = place_of(loaded, is_payer=caller.is_payer), [_state_of_loaded(loaded)]
    else:
        place, found = await queries.snapshot_of(gateway.pool, key, limit=SNAPSHOT_LIMIT)
        payments = [_state_of_details(details) for details in found]
    return Situation(place=place, epoch=epoch, payments=payments, reason=reason)


async def _earlier(gateway: Gateway, key: Key, teller: Teller) -> AsyncIterator[EventFrame]:
    """Give what happened since the client was told last, up to when the socket began to listen, in order."""
    if isinstance(key, int):
        for envelope in await gateway.hub.log.read_stream(stream_id(key)):
            if not teller.is_told(envelope):
                yield event_frame(envelope)
        return
    async for envelope in _candidates_of_merchant(gateway, key, teller.place):
        # The table only says where to look; the log says whose an event is.
        if envelope.merchant == key and envelope.payment_id is not None:
            yield event_frame(envelope)


async def _candidates_of_merchant(gateway: Gateway, slug: str, after: int) -> AsyncIterator[Envelope]:
    """Read the merchant's positions, and above where their table stands the whole log; raises `TooFarBehind`."""
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


async def _ignore_what_comes(socket: web.WebSocketResponse, listener: Listener) -> None:
    """Read the client's frames, which say nothing, so that its pings are answered and its leaving is noticed."""
    async for _ in socket:
        continue
    listener.close("left")
