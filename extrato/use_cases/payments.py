"""Reads a payment from its stream, and handles commands to it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Generic, TypeGuard, TypeVar

import msgspec
from msgspec import Struct

from contracts.events import PaymentEvent
from extrato.domain.payment.decisions import PAYMENT
from extrato.domain.payment.identifiers import stream_id
from extrato.domain.payment.state import Charged, ChargeNotCreated, Opened, Payment, Unopened
from extrato.errors import ChargeWasRefused, NotFound, ProviderUnavailable
from extrato.store.appender import NOTHING_ATTACHED
from extrato.use_cases.command_handler import Handled, handle
from extrato.use_cases.payment_metrics import count_events
from extrato.use_cases.streams import History, Stream, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contracts.envelope import Cause
    from extrato.domain.payment.commands import Command
    from extrato.store.appender import Attached, StreamAppend
    from extrato.use_cases.hub import Hub


_State_co = TypeVar("_State_co", bound=Opened, covariant=True)


class Loaded(Struct, Generic[_State_co], frozen=True, kw_only=True):
    """A payment as read from its stream, from `opened_position` up to `version` and `position`."""

    payment_id: int
    merchant: str
    payment: _State_co
    opened_at: datetime
    opened_position: int
    updated_at: datetime
    version: int
    position: int


LoadedPayment = Loaded[Opened]
ChargedPayment = Loaded[Charged]


class Outcome(Struct, Generic[_State_co], frozen=True, kw_only=True):
    """The result of a request that a caller may repeat: `is_repeated` if an earlier one with the same key did it."""

    loaded: Loaded[_State_co]
    is_repeated: bool = False


class Decided(Struct, frozen=True, kw_only=True):
    """The result of commands: the payment before and after, and the appended events."""

    before: LoadedPayment
    after: LoadedPayment
    events: tuple[PaymentEvent, ...]


def payment_stream(payment_id: int, *, merchant: str | None = None) -> Stream[Payment, Command, PaymentEvent]:
    """Return the stream of a payment; an empty stream needs `merchant`."""
    return Stream(
        decider=PAYMENT,
        stream_id=stream_id(payment_id),
        merchant=merchant,
        payment_id=payment_id,
        about=f"Payment {payment_id}",
    )


async def load_payment(hub: Hub, payment_id: int) -> LoadedPayment:
    """Read the current state of a payment from its stream; raises `NotFound`."""
    return _loaded(payment_id, await read(hub.log, payment_stream(payment_id)))


async def change_payment(
    hub: Hub,
    payment_id: int,
    commands: Sequence[Command],
    *,
    cause: Cause,
    attached: Attached = NOTHING_ATTACHED,
    known: History[Payment] | None = None,
    beside: Sequence[StreamAppend] = (),
) -> Decided:
    """Handle commands to a payment; `beside` is appended to other streams in the same step, if there are events.

    A payment that the caller has read, as `known`, is not read first. Raises `NotFound`, `Refused`, `Conflict` when a
    stream of `beside` has changed, `Overloaded` and `StoreUnavailable`.
    """
    stream = payment_stream(payment_id)
    handled = await handle(hub, stream, commands, cause=cause, attached=attached, known=known, beside=beside)
    before = _loaded(payment_id, handled.before)
    if not handled.events:
        return Decided(before=before, after=before, events=())
    count_events(handled.events, before.payment.intent, actor=cause.actor, recorded_at=handled.appended[-1].recorded_at)
    after = msgspec.structs.replace(
        before,
        payment=_opened(payment_id, handled.after),
        updated_at=handled.appended[-1].recorded_at,
        version=before.version + len(handled.events),
        position=handled.positions[-1],
    )
    return Decided(before=before, after=after, events=tuple(handled.events))


def unchanged_by(payment_id: int, known: History[Payment], commands: Sequence[Command]) -> Decided | None:
    """Return the result of commands that record nothing; None if they record events. Raises `NotFound`, `Refused`."""
    loaded = _loaded(payment_id, known)
    _, events = PAYMENT.decide_all(commands, known.state)
    return None if events else Decided(before=loaded, after=loaded, events=())


def after_creation(payment_id: int, handled: Handled[Payment, PaymentEvent]) -> LoadedPayment:
    """Return a payment as of the events that opened it."""
    first, last = handled.appended[0], handled.appended[-1]
    return Loaded(
        payment_id=payment_id,
        merchant=first.merchant,
        payment=_opened(payment_id, handled.after),
        opened_at=first.recorded_at,
        opened_position=handled.positions[0],
        updated_at=last.recorded_at,
        version=len(handled.appended),
        position=handled.positions[-1],
    )


def _loaded(payment_id: int, history: History[Payment]) -> LoadedPayment:
    first, last = history.first, history.last
    if first is None or last is None:
        raise NotFound(str(payment_id), why="payment")
    return Loaded(
        payment_id=payment_id,
        merchant=first.merchant,
        payment=_opened(payment_id, history.state),
        opened_at=first.recorded_at,
        opened_position=first.position,
        updated_at=last.recorded_at,
        version=history.version,
        position=last.position,
    )


def _opened(payment_id: int, payment: Payment) -> Opened:
    if isinstance(payment, Unopened):
        raise NotFound(str(payment_id), why="payment")
    return payment


def is_charged(loaded: LoadedPayment) -> TypeGuard[ChargedPayment]:
    """The payment has a charge at the provider."""
    return isinstance(loaded.payment, Charged)


def charged(loaded: LoadedPayment) -> ChargedPayment:
    """Return a payment with its charge.

    Raises `ChargeWasRefused`, or `ProviderUnavailable` while the provider has not answered.
    """
    if isinstance(loaded.payment, ChargeNotCreated):
        raise ChargeWasRefused(loaded.payment_id, words=loaded.payment.refusal.reason)
    if not is_charged(loaded):
        raise ProviderUnavailable(str(loaded.payment_id), why="not_charged")
    return loaded
