"""What a provider or a bank last reported: attempts to pay, refunds, and money that the bank returned."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from contracts.payment_status import ENDED, KNOWN, StateOfRefund


class Attempt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt to pay, as the provider or the bank last reported it.

    `refunded_centavos` is the refunded sum in that report. `was_paid`: money had come by that report, or by an earlier
    one that no known status followed. `is_late`: the money came after the end and is not accepted yet.
    `awaits_acceptance`: until then it is held and does not count towards the charge. `was_left_outside`: an older log
    records the attempt as a mismatch. `set_back_from` is the time of a report that the provider has withdrawn.
    """

    status: str
    status_detail: str | None
    amount_centavos: int
    currency: str
    refunded_centavos: int
    observed_at: datetime
    paid_at: datetime | None
    payer_email: str | None
    was_paid: bool
    is_late: bool = False
    awaits_acceptance: bool = False
    was_left_outside: bool = False
    set_back_from: datetime | None = None

    @property
    def is_refundable(self) -> bool:
        """A provider can refund the attempt. After an unknown status the money still counts as held."""
        is_held_again = self.status == "charged_back" and self.status_detail == "reimbursed"
        return self.was_paid and (self.status == "approved" or self.status not in KNOWN or is_held_again)

    @property
    def reported_until(self) -> datetime:
        """Return the time up to which the report covers refunds; a repeated report covers more than its date."""
        return max(self.observed_at, self.set_back_from or self.observed_at)

    @property
    def has_ended(self) -> bool:
        """The attempt brings no further money: it was paid, or it failed."""
        return self.was_paid or self.status in ENDED


class Refund(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A refund of one attempt.

    `requested`: the provider has not answered; `in_process`: the provider accepted the refund and has not made it.
    `wish_id` identifies the merchant's request; a request for everything becomes one refund for each attempt, with
    `is_all`. `provider_refund_id` is the provider's id and `made_at` the provider's time; None if it sent none.
    `known_refunds` are the provider's ids of the attempt's refunds just before this request; None if they were
    unavailable. `refunded_before` is the sum refunded of the attempt at the time of the request, and `made_before` the
    sum of the refunds made by then.
    """

    wish_id: str
    attempt_id: str
    amount_centavos: int
    is_all: bool
    requested_at: datetime | None
    state: StateOfRefund = "requested"
    reason: str | None = None
    known_refunds: tuple[str, ...] | None = None
    provider_refund_id: str | None = None
    made_at: datetime | None = None
    refunded_before: int = 0
    made_before: int = 0

    @property
    def is_open(self) -> bool:
        """The provider has not reported the outcome yet."""
        return self.state in {"requested", "in_process"}


class Return(Struct, frozen=True, kw_only=True):
    """Money of a direct Pix that the bank returned to the payer."""

    attempt_id: str
    amount_centavos: int
    returned_at: datetime
