"""Takes a merchant's reference for one payment, so that an order is charged once.

The stream of a reference names the payments that took it. A payment keeps the reference until it is closed unpaid: the
state of the payment decides that when another one wants the reference, so nothing has to free it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

from msgspec import Struct

from contracts.events import ReferenceTaken
from extrato.domain.errors import Refused
from extrato.store.appender import StreamAppend
from extrato.use_cases.command_handler import new_events
from extrato.use_cases.payments import load_payment

if TYPE_CHECKING:
    from contracts.envelope import Cause
    from extrato.use_cases.hub import Hub

MOST_READ: Final = 50
"""How many payments of a reference are read, the newest ones: a shop may try an order again and again."""

REFERENCE_NAMESPACE: Final = UUID("0c8a4b2e-7f0d-5c55-9a43-6d1f2be0f517")


class Free(Struct, frozen=True):
    """A reference that may be taken: the version of its stream, and the payment that had it before."""

    version: int
    previous_payment_id: int | None


NEVER_TAKEN: Final = Free(0, None)


async def find_free(hub: Hub, merchant: str, reference: str) -> Free:
    """Return how a reference may be taken; raises `Refused` while a payment that took it is open or paid.

    Money may have come late for any of them, also for one that had freed the reference.
    """
    history = await hub.log.read_stream(_stream_of(merchant, reference))
    holders = [each.event.payment_id for each in history if isinstance(each.event, ReferenceTaken)]
    for holder in holders[: -MOST_READ - 1 : -1]:
        if not (await load_payment(hub, holder)).payment.is_closed_unpaid:
            raise Refused("reference_taken", "reference", payment_id=holder)
    return Free(len(history), holders[-1]) if holders else NEVER_TAKEN


def take(hub: Hub, free: Free, *, merchant: str, reference: str, payment_id: int, cause: Cause) -> StreamAppend:
    """Return the append by which a payment takes a free reference, beside the event that opens the payment."""
    taken = ReferenceTaken(reference=reference, payment_id=payment_id, previous_payment_id=free.previous_payment_id)
    return StreamAppend(
        stream_id=_stream_of(merchant, reference),
        expected_version=free.version,
        events=new_events(hub, [taken], merchant=merchant, payment_id=None, cause=cause),
    )


def _stream_of(merchant: str, reference: str) -> UUID:
    return uuid5(REFERENCE_NAMESPACE, f"{merchant}\n{reference}")
