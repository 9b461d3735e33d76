"""How a payment stands between two events: its state, its money, what was asked, what somebody has to look into."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from contracts.events import ChargeCreated, ChargeRefused, PaymentOpened
from extrato.domain.payment import ledger as book
from extrato.domain.payment.ledger import Attempt, Ledger, Refund


class Unopened(Struct, frozen=True):
    """Nothing happened yet."""


# How far the merchant's wish to close a payment has come.
Cancellation = Literal["none", "requested", "made"]


class _Opened(Struct, frozen=True):
    """What every opened payment has, from intent to the last refund; each state adds what the provider answered.

    `intent` is without its charge, whichever event that came with. `expired` and `cancellation` are two facts, since
    every pair of them happens: the hub closes an expired payment at its provider too, if the merchant asks for it.
    `traces` are digests of what was refused or ignored, so that the same is not told twice; `ignored` has those of
    stale observations, with the attempt of each and the time when it was ignored, until that attempt is observed again.
    `outside` are attempts of another reference. `name_of_unnamed` is the bank's name of a transfer that it told of
    without one at first. `refused_confirmations` counts those that the log tells of. `alerts` name what somebody has to
    look into, in the order in which it came up, and `alerts_so_far` is every alert that it ever had; `raised` are the
    alerts and occurrences that have been told of.
    """

    intent: PaymentOpened
    ledger: Ledger
    expired: bool = False
    cancellation: Cancellation = "none"
    watch_until: datetime | None = None
    traces: frozenset[str] = frozenset()
    ignored: dict[str, tuple[str, datetime | None]] = {}
    outside: frozenset[str] = frozenset()
    name_of_unnamed: str | None = None
    refused_confirmations: int = 0
    alerts: tuple[str, ...] = ()
    alerts_so_far: frozenset[str] = frozenset()
    raised: frozenset[tuple[str, str]] = frozenset()

    @property
    def status(self) -> str:
        """Give the status of the payment as a whole."""
        return self.ledger.status

    @property
    def status_detail(self) -> str | None:
        """Give the provider's word beside the status, or the hub's where the money does not fit the charge."""
        return self.ledger.status_detail

    @property
    def attempt_id(self) -> str | None:
        """Give the attempt that decides the status, if there is any."""
        return self.ledger.attempt_id

    @property
    def attempts(self) -> dict[str, Attempt]:
        """Give every attempt to pay, by the provider's id, in the order in which they were seen."""
        return self.ledger.attempts

    @property
    def refunds(self) -> dict[str, Refund]:
        """Give every refund that the merchant asked for, by the hub's id, in order."""
        return self.ledger.refunds

    @property
    def is_settled(self) -> bool:
        """Say whether the charge was paid; what follows is a refund, a dispute, or an unknown status."""
        return self.ledger.is_settled

    @property
    def own_attempt_id(self) -> str | None:
        """Give the attempt that the charge itself is; None where a payer may try several times."""
        return self.ledger.own_attempt_id

    @property
    def has_attempt_in_flight(self) -> bool:
        """Say whether an attempt may yet go through; one that nobody has asked about yet may."""
        is_unasked = self.own_attempt_id is not None and self.own_attempt_id not in self.attempts
        return is_unasked or any(not attempt.has_ended for attempt in self.attempts.values())

    @property
    def is_over_at_provider(self) -> bool:
        """Say whether the charge was itself the one attempt, and that one has ended."""
        return self.ledger.own_has_ended

    @property
    def may_still_be_paid(self) -> bool:
        """Say whether a payer may still pay; without a charge no payer can."""
        return False

    def transfer(self, end_to_end_id: str) -> str | None:
        """Give the attempt that a transfer of a direct Pix is; None for one that is not known by this name."""
        if end_to_end_id in self.attempts:
            return end_to_end_id
        return self.intent.bank_payment_id if end_to_end_id == self.name_of_unnamed else None

    @property
    def is_closed(self) -> bool:
        """Say whether the hub takes no more money for it: it is over, was closed, or will never be charged."""
        return self.expired or self.cancellation == "made"

    @property
    def deciding_attempt(self) -> Attempt | None:
        """Give the attempt that decides the status, if there is any."""
        return self.attempts.get(self.attempt_id) if self.attempt_id else None


SHARED_FIELDS: Final = len(_Opened.__struct_fields__)


class Requested(_Opened, frozen=True):
    """A payment that was asked for, and whose provider has not answered yet."""


class Charged(_Opened, frozen=True, kw_only=True):
    """A payment whose charge the provider holds."""

    charge: ChargeCreated

    @property
    def may_still_be_paid(self) -> bool:
        """Say whether a payer may still pay: `rejected` and `cancelled` are an attempt's, not the link's."""
        return not (self.is_closed or self.is_settled or self.is_over_at_provider)


class ChargeNotCreated(_Opened, frozen=True, kw_only=True):
    """A payment that the provider refused to charge; money that comes all the same is told of."""

    refusal: ChargeRefused

    @property
    def is_closed(self) -> bool:
        """It was closed by the refusal."""
        return True


Opened = Requested | Charged | ChargeNotCreated
Payment = Unopened | Opened

INITIAL: Final = Unopened()


def requested(intent: PaymentOpened) -> Requested:
    """Give a payment as it is when it was just asked for; `intent` is without a charge."""
    return Requested(intent=intent, ledger=book.opened(intent))


def charged(intent: PaymentOpened, charge: ChargeCreated) -> Charged:
    """Give a payment as it is when it was just asked for and charged; `intent` is without the charge."""
    return Charged(intent=intent, ledger=book.after(book.opened(intent), charge), charge=charge)
