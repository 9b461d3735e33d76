"""Payments as their streams tell them: read one, or have commands to it handled."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from contracts.events import PaymentEvent
from extrato.domain.payment.decisions import PAYMENT
from extrato.domain.payment.identifiers import stream_id
from extrato.domain.payment.state import Opened, Payment, Unopened
from extrato.errors import NotFound
from extrato.use_cases.command_handler import Handled, handle
from extrato.use_cases.streams import History, Stream, read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contracts.envelope import Cause
    from extrato.domain.payment.commands import Command
    from extrato.store.appender import Evidence
    from extrato.use_cases.hub import Hub


class LoadedPayment(Struct, frozen=True, kw_only=True):
    """A payment as its stream tells it, from `opened_position` up to `version` and `position`."""

    payment_id: int
    merchant: str
    payment: Opened
    opened_at: datetime
    opened_position: int
    updated_at: datetime
    version: int
    position: int


class Decided(Struct, frozen=True, kw_only=True):
    """What came of commands: the payment before and after, and the events that were appended."""

    before: LoadedPayment
    after: LoadedPayment
    events: tuple[PaymentEvent, ...]


def payment_stream(payment_id: int, *, merchant: str | None = None) -> Stream[Payment, Command, PaymentEvent]:
    """Name the stream of a payment; `merchant` is needed before there is one."""
    return Stream(
        decider=PAYMENT,
        stream_id=stream_id(payment_id),
        merchant=merchant,
        payment_id=payment_id,
        about=f"Payment {payment_id}",
    )


async def load_payment(hub: Hub, payment_id: int) -> LoadedPayment:
    """Read a payment from its stream, as of now; raises `NotFound`."""
    return _loaded(payment_id, await read(hub.log, payment_stream(payment_id)))


async def change_payment(
    hub: Hub,
    payment_id: int,
    commands: Sequence[Command],
    *,
    cause: Cause,
    evidence: Mapping[str, Evidence] | None = None,
) -> Decided:
    """Have commands to a payment handled; raises `NotFound`, `Refused`, `Overloaded` and `StoreUnavailable`."""
    handled = await handle(hub, payment_stream(payment_id), commands, cause=cause, evidence=evidence)
    before = _loaded(payment_id, handled.before)
    if not handled.events:
        return Decided(before=before, after=before, events=())
    after = msgspec.structs.replace(
        before,
        payment=_opened(handled.after),
        updated_at=handled.appended[-1].recorded_at,
        version=before.version + len(handled.events),
        position=handled.positions[-1],
    )
    return Decided(before=before, after=after, events=tuple(handled.events))


def after_opening(payment_id: int, handled: Handled[Payment, PaymentEvent]) -> LoadedPayment:
    """Give a payment as the events that opened it have made it."""
    first, last = handled.appended[0], handled.appended[-1]
    return LoadedPayment(
        payment_id=payment_id,
        merchant=first.merchant,
        payment=_opened(handled.after),
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
    return LoadedPayment(
        payment_id=payment_id,
        merchant=first.merchant,
        payment=_opened(history.state),
        opened_at=first.recorded_at,
        opened_position=first.position,
        updated_at=last.recorded_at,
        version=history.version,
        position=last.position,
    )


def _opened(payment: Payment) -> Opened:
    if isinstance(payment, Unopened):
        raise TypeError("A payment with an event is opened.")
    return payment
