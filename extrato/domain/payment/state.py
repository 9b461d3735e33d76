"""The state of a payment: its money, the merchant's requests and its alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from contracts.events import ChargeCreated, ChargeRefused, PaymentHeld, PaymentOpened
from extrato.domain.payment.ledger import Attempt, Ledger, Refund, evolve_ledger, open_ledger


class Unopened(Struct, frozen=True):
    """A payment without events."""


# The progress of the merchant's request to cancel a payment.
Cancellation = Literal["none", "requested", "completed"]


class _Opened(Struct, frozen=True):
    """The fields of every opened payment; each state adds the provider's answer.

    `intent` has no charge. `expired` and `cancellation` are two facts, because every pair of them occurs: the hub also
    closes an expired payment at its provider if the merchant cancels it. `fingerprints` are digests of refused and
    ignored reports, so that each is recorded once. `ignored` maps those of stale observations to their attempt and the
    time when they were ignored, until that attempt is observed again. `mismatched` are attempts of another reference.
    `name_of_unnamed` is the bank's name of a transfer that it confirmed first without a name. `refused_confirmations`
    counts those in the log. `alerts` are the open alerts, oldest first; `alerts_so_far` are all alerts ever raised;
    `raised` are the recorded alerts with their occurrences. `is_forgotten`: the payer's data was destroyed.
    `is_text_hidden`: the merchant's text is not shown. `hold` is the newest hold, also after its end.
    """

    intent: PaymentOpened
    ledger: Ledger
    expired: bool = False
    cancellation: Cancellation = "none"
    watch_until: datetime | None = None
    fingerprints: frozenset[str] = frozenset()
    ignored: dict[str, tuple[str, datetime | None]] = {}
    mismatched: frozenset[str] = frozenset()
    name_of_unnamed: str | None = None
    refused_confirmations: int = 0
    alerts: tuple[str, ...] = ()
    alerts_so_far: frozenset[str] = frozenset()
    raised: frozenset[tuple[str, str]] = frozenset()
    is_forgotten: bool = False
    is_text_hidden: bool = False
    hold: PaymentHeld | None = None

    @property
    def status(self) -> str:
        """Return the status of the whole payment."""
        return self.ledger.status

    @property
    def status_detail(self) -> str | None:
        """Return the provider's detail of the status, or the hub's own when the money does not match the charge."""
        return self.ledger.status_detail

    @property
    def attempt_id(self) -> str | None:
        """Return the id of the deciding attempt, if there is any."""
        return self.ledger.attempt_id

    @property
    def attempts(self) -> dict[str, Attempt]:
        """Return every attempt to pay, by the provider's id, in the order in which they appeared."""
        return self.ledger.attempts

    @property
    def refunds(self) -> dict[str, Refund]:
        """Return every refund that the merchant requested, by the hub's id, in order."""
        return self.ledger.refunds

    @property
    def payer_email(self) -> str | None:
        """Return the sealed e-mail address of the payer, as the provider has it or else as the merchant gave it."""
        deciding = self.deciding_attempt
        return (deciding.payer_email if deciding else None) or self.intent.payer_email

    @property
    def is_settled(self) -> bool:
        """The charge was paid; later events are refunds, disputes, or an unknown status."""
        return self.ledger.is_settled

    @property
    def own_attempt_id(self) -> str | None:
        """Return the attempt that is the charge itself; None if a payer may try several times."""
        return self.ledger.own_attempt_id

    @property
    def has_attempt_in_flight(self) -> bool:
        """An attempt may still be approved, such as one that the provider was not asked about yet."""
        is_unobserved = self.own_attempt_id is not None and self.own_attempt_id not in self.attempts
        return is_unobserved or any(not attempt.has_ended for attempt in self.attempts.values())

    @property
    def is_over_at_provider(self) -> bool:
        """The charge is itself the one attempt, and that attempt has ended."""
        return self.ledger.own_attempt_has_ended

    @property
    def may_still_be_paid(self) -> bool:
        """A payer may still pay; without a charge no payer can."""
        return False

    def transfer(self, end_to_end_id: str) -> str | None:
        """Return the attempt of a direct Pix's transfer; None for an unknown name."""
        if end_to_end_id in self.attempts:
            return end_to_end_id
        return self.intent.bank_payment_id if end_to_end_id == self.name_of_unnamed else None

    @property
    def is_closed(self) -> bool:
        """The hub accepts no more money: the payment expired, was cancelled, or has no charge."""
        return self.expired or self.cancellation == "completed"

    @property
    def is_closed_unpaid(self) -> bool:
        """No payer can pay, and no money stayed: the order may be charged by another payment.

        An attempt that the provider reports after the end may still be approved.
        """
        is_over = self.is_closed or self.is_over_at_provider
        is_in_flight = any(not attempt.has_ended for attempt in self.attempts.values())
        return is_over and not (self.is_settled or is_in_flight or self.ledger.held_by or self.ledger.total.disputed)

    @property
    def deciding_attempt(self) -> Attempt | None:
        """Return the deciding attempt, if there is any."""
        return self.attempts.get(self.attempt_id) if self.attempt_id else None


SHARED_FIELDS: Final = len(_Opened.__struct_fields__)


class Requested(_Opened, frozen=True):
    """A payment whose provider has not answered the request for a charge."""


class Charged(_Opened, frozen=True, kw_only=True):
    """A payment with a charge at the provider."""

    charge: ChargeCreated

    @property
    def may_still_be_paid(self) -> bool:
        """A payer may still pay: `rejected` and `cancelled` belong to an attempt, not to the link."""
        return not (self.is_closed or self.is_settled or self.is_over_at_provider)


class ChargeNotCreated(_Opened, frozen=True, kw_only=True):
    """A payment that the provider refused to charge; money that arrives anyway is recorded."""

    refusal: ChargeRefused

    @property
    def is_closed(self) -> bool:
        """The refusal closed the payment."""
        return True


Opened = Requested | Charged | ChargeNotCreated
Payment = Unopened | Opened

INITIAL: Final = Unopened()


def requested(intent: PaymentOpened) -> Requested:
    """Return a payment right after its request; `intent` has no charge."""
    return Requested(intent=intent, ledger=open_ledger(intent))


def charged(intent: PaymentOpened, charge: ChargeCreated) -> Charged:
    """Return a payment right after its request and charge; `intent` has no charge."""
    return Charged(intent=intent, ledger=evolve_ledger(open_ledger(intent), charge), charge=charge)
