"""The state of a ledger, and the sums that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct

from extrato.domain.payment.ledger.attempts import Attempt, Refund, Return

if TYPE_CHECKING:
    from contracts.events import PaymentOpened


class Share(Struct, frozen=True, kw_only=True):
    """The money of one or several attempts, in centavos; the four fields add up to the received sum."""

    held: int = 0
    refunded: int = 0
    disputed: int = 0
    lost: int = 0

    @property
    def received(self) -> int:
        """Return the received sum."""
        return self.held + self.refunded + self.disputed + self.lost

    def __add__(self, other: Share) -> Share:
        """Add the money of two attempts in one currency."""
        return Share(
            held=self.held + other.held,
            refunded=self.refunded + other.refunded,
            disputed=self.disputed + other.disputed,
            lost=self.lost + other.lost,
        )


NOTHING: Final = Share()
Shares = Mapping[str, Share]


class Ledger(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The money of one charge, and the status that follows.

    `is_settled`: held money reached the charge once, and the provider has not withdrawn that since. `accepted_centavos`
    is a smaller sum that the merchant accepts for the whole. `closed` is why the hub accepts no more money: `expired`,
    `by_collector` or `charge_refused`. `status`, `status_detail` and `attempt_id`, the deciding attempt, follow from
    that. `announced` is the status and detail of the last StatusChanged. `paid_at_without_attempt` is the time of
    payment in the oldest logs, which list no attempt.
    """

    amount_centavos: int
    currency: str
    bank_payment_id: str
    own_attempt_id: str | None = None
    attempts: dict[str, Attempt] = {}
    refunds: dict[str, Refund] = {}
    returns: dict[str, Return] = {}
    accepted_centavos: int | None = None
    is_settled: bool = False
    closed: Literal["expired", "by_collector", "charge_refused"] | None = None
    status: str = "pending"
    status_detail: str | None = None
    attempt_id: str | None = None
    announced: tuple[str, str | None] = ("pending", None)
    paid_at_without_attempt: datetime | None = None

    @property
    def due_centavos(self) -> int:
        """Return the sum that settles the charge."""
        accepted = self.accepted_centavos
        return self.amount_centavos if accepted is None else min(accepted, self.amount_centavos)

    @property
    def paid_at(self) -> datetime | None:
        """Return when the deciding attempt paid the charge, or when several attempts first added up to it."""
        if self.attempt_id is None:
            return self.paid_at_without_attempt
        if not self.is_settled:
            return None
        deciding = self.attempts[self.attempt_id]
        if deciding.amount_centavos >= self.due_centavos and deciding.currency == self.currency:
            return deciding.paid_at
        ours = [each for each in self.attempts.values() if each.was_paid and each.currency == self.currency]
        timed = [(each.paid_at or each.observed_at, each) for each in ours if not each.awaits_acceptance]
        received = 0
        for paid_at, each in sorted(timed, key=lambda pair: pair[0]):
            received += each.amount_centavos
            if received >= self.due_centavos:
                return paid_at
        return None

    def share(self, attempt_id: str) -> Share:
        """Return the money of one attempt, in its own currency."""
        attempt = self.attempts[attempt_id]
        if not attempt.was_paid:
            return NOTHING
        refunded = self.refunded_centavos(attempt_id)
        left = attempt.amount_centavos - refunded
        if attempt.status == "charged_back" and attempt.status_detail == "settled":
            return Share(refunded=refunded, lost=left)
        # Disputed money does not count as held until the dispute is decided.
        is_asked_back = attempt.status == "charged_back" and attempt.status_detail != "reimbursed"
        if is_asked_back or attempt.status == "in_mediation":
            return Share(refunded=refunded, disputed=left)
        return Share(refunded=refunded, held=left)

    def refunded_centavos(self, attempt_id: str) -> int:
        """Return the refunded sum of an attempt: the provider's newest report, and refunds made after it."""
        attempt = self.attempts[attempt_id]
        if attempt.status == "refunded":
            return attempt.amount_centavos
        if not self.refunds and not self.returns:
            return min(attempt.amount_centavos, attempt.refunded_centavos)
        reported, untimed, later = attempt.refunded_centavos, 0, 0
        for refund in self.refunds.values():
            if refund.attempt_id != attempt_id or refund.state != "made":
                continue
            if refund.made_at is None:
                untimed += refund.amount_centavos
            elif refund.made_at > attempt.reported_until:
                later += refund.amount_centavos
        returned = sum(each.amount_centavos for each in self.returns.values() if each.attempt_id == attempt_id)
        return min(attempt.amount_centavos, max(reported, untimed) + later + returned)

    def made_centavos(self, attempt_id: str) -> int:
        """Return the sum of an attempt's made refunds, including those that the provider reversed later."""
        ours = (refund for refund in self.refunds.values() if refund.attempt_id == attempt_id)
        return sum(refund.amount_centavos for refund in ours if refund.state == "made")

    def requested_centavos(self, attempt_id: str) -> int:
        """Return the sum of an attempt's open refunds."""
        return sum(each.amount_centavos for each in self.open_refunds.values() if each.attempt_id == attempt_id)

    def refundable_centavos(self, attempt_id: str) -> int:
        """Return the refundable sum of an attempt; open refunds are subtracted."""
        attempt = self.attempts.get(attempt_id)
        if attempt is None or not attempt.is_refundable:
            return 0
        return max(0, self.share(attempt_id).held - self.requested_centavos(attempt_id))

    @property
    def open_refunds(self) -> dict[str, Refund]:
        """Return the refunds whose outcome the provider has not reported yet."""
        return {name: each for name, each in self.refunds.items() if each.is_open}

    @property
    def total(self) -> Share:
        """Return the sum over all attempts in the charge's currency."""
        return self.total_of({name: self.share(name) for name in self.attempts})

    def total_of(self, shares: Mapping[str, Share]) -> Share:
        """Add the shares of the attempts in the charge's currency."""
        ours = [share for name, share in shares.items() if self.attempts[name].currency == self.currency]
        return ours[0] if len(ours) == 1 else sum(ours, NOTHING)

    @property
    def held_by(self) -> dict[str, int]:
        """Return the held sum by attempt, in any currency, in the order in which the attempts appeared."""
        held = {name: self.share(name).held for name in self.attempts}
        return {name: centavos for name, centavos in held.items() if centavos}

    @property
    def other_currencies_held_by(self) -> dict[str, int]:
        """Return the held sum by attempt, for attempts in another currency than the charge's."""
        return {name: held for name, held in self.held_by.items() if self.attempts[name].currency != self.currency}

    @property
    def held_of_charge(self) -> dict[str, int]:
        """Return the held sum by attempt, for attempts in the charge's currency."""
        return {name: held for name, held in self.held_by.items() if self.attempts[name].currency == self.currency}

    @property
    def duplicates(self) -> list[str]:
        """Return the attempts with held money besides the first one that holds the whole amount alone."""
        held = self.held_of_charge
        first = next((name for name, centavos in held.items() if centavos >= self.amount_centavos), None)
        return [] if first is None else [name for name in held if name != first]

    @property
    def own_attempt_has_ended(self) -> bool:
        """The charge is itself the one attempt, and that attempt has ended."""
        own = self.attempts.get(self.own_attempt_id or "")
        return own is not None and own.has_ended


def open_ledger(intent: PaymentOpened) -> Ledger:
    """Return the ledger of a new payment, without its charge, which `evolve_ledger` applies."""
    return Ledger(
        amount_centavos=intent.amount_centavos, currency=intent.currency, bank_payment_id=intent.bank_payment_id
    )
