"""What a use case works with, and the one way by which any of them changes a payment."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from contracts.events import PaymentEvent
from extrato.domain.payment.decisions import decide
from extrato.domain.payment.identifiers import stream_id
from extrato.domain.payment.state import Opened, Payment, evolve, fold
from extrato.errors import Conflict, NotFound, Overloaded
from extrato.store.appender import StreamAppend
from extrato.store.codec import NewEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from contracts.envelope import Cause
    from contracts.events import Event
    from extrato.bus.telemetry import TelemetryPublisher
    from extrato.domain.payment.commands import Command
    from extrato.ports import Clock
    from extrato.providers.port import Provider
    from extrato.store.appender import Evidence
    from extrato.store.event_log import EventLog
    from extrato.store.inbox import WebhookInbox
    from extrato.store.numbers import PaymentNumbers
    from extrato.store.payers import Payers
    from extrato.store.vault import Vault

DECIDE_ATTEMPTS: Final = 16
LONGEST_STEP_ASIDE_S: Final = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Hub:
    """Everything a use case may touch; built once by a process's `app.py`."""

    log: EventLog
    numbers: PaymentNumbers
    vault: Vault
    payers: Payers
    inbox: WebhookInbox
    telemetry: TelemetryPublisher
    providers: Mapping[str, Provider]
    public_url: str
    now: Clock
    new_uuid: Callable[[], UUID]


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


async def load_payment(hub: Hub, payment_id: int) -> LoadedPayment:
    """Read a payment from its stream, as of now; raises `NotFound`."""
    history = await hub.log.read_stream(stream_id(payment_id))
    payment = fold(envelope.event for envelope in history)  # type: ignore[misc]
    if not isinstance(payment, Opened):
        msg = f"Payment {payment_id} does not exist."
        raise NotFound(msg, str(payment_id))
    return LoadedPayment(
        payment_id=payment_id,
        merchant=history[0].merchant,
        payment=payment,
        opened_at=history[0].recorded_at,
        opened_position=history[0].position,
        updated_at=history[-1].recorded_at,
        version=history[-1].version,
        position=history[-1].position,
    )


async def change_payment(
    hub: Hub,
    payment_id: int,
    commands: Sequence[Command],
    *,
    cause: Cause,
    evidence: Mapping[str, Evidence] | None = None,
) -> Decided:
    """Decide commands one after the other on the payment's newest state, and append what follows, all at once.

    `evidence` is by digest; only what an appended event names is kept. When somebody else appends first, the
    commands are decided again. Raises `NotFound`, `Refused`, `Overloaded` and `StoreUnavailable`.
    """
    for attempt in range(DECIDE_ATTEMPTS):
        before = await load_payment(hub, payment_id)
        payment = before.payment
        events: list[PaymentEvent] = []
        for command in commands:
            for event in decide(command, payment):
                events.append(event)
                payment = _opened(evolve(payment, event))
        if not events:
            return Decided(before=before, after=before, events=())
        named = {getattr(event, "evidence", None) for event in events}
        kept = [piece for digest, piece in (evidence or {}).items() if digest in named]
        news = new_events(hub, events, merchant=before.merchant, payment_id=payment_id, cause=cause)
        append = StreamAppend(stream_id=stream_id(payment_id), expected_version=before.version, events=news)
        try:
            positions = await hub.log.append(append, evidence=kept)
        except Conflict:
            await step_aside(attempt)
            continue
        after = LoadedPayment(
            payment_id=payment_id,
            merchant=before.merchant,
            payment=payment,
            opened_at=before.opened_at,
            opened_position=before.opened_position,
            updated_at=news[-1].recorded_at,
            version=before.version + len(news),
            position=positions[-1],
        )
        return Decided(before=before, after=after, events=tuple(events))
    msg = "Too many are changing this payment at once; try again in a moment."
    raise Overloaded(msg, str(payment_id))


async def step_aside(attempt: int) -> None:
    """Let somebody else go first, for a random while that grows: those who meet once must not meet each time."""
    longest_s = min(LONGEST_STEP_ASIDE_S, 0.002 * 2**attempt)
    await asyncio.sleep(random.uniform(0, longest_s))  # noqa: S311 - dice, not a secret


def new_events(
    hub: Hub, events: Sequence[Event], *, merchant: str, payment_id: int | None, cause: Cause
) -> list[NewEvent]:
    """Give events an identity, a time and a reason; the world's time is the provider's where it told one."""
    now = hub.now()
    return [
        NewEvent(
            event_id=hub.new_uuid(),
            merchant=merchant,
            payment_id=payment_id,
            occurred_at=getattr(event, "observed_at", None) or now,
            recorded_at=now,
            cause=cause,
            event=event,
        )
        for event in events
    ]


def _opened(payment: Payment) -> Opened:
    if not isinstance(payment, Opened):
        raise TypeError
    return payment
