"""What the provider, the bank and the clock say about a payment that can be paid, and its status."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from msgspec import Struct


class ObservationRecorded(Struct, frozen=True, kw_only=True):
    """A provider told us, when we asked it, how one attempt to pay stands.

    One payment may see several attempts (a refused card, then a Pix), of other amounts than its own or in another
    `currency`. `observed_at` is the provider's own time of its latest change; `evidence` is the SHA-256 of its answer,
    in hex.
    """

    schema_version: ClassVar[int] = 2

    attempt_id: str
    status: str
    status_detail: str | None
    amount_centavos: int
    currency: str
    refunded_centavos: int
    observed_at: datetime
    paid_at: datetime | None
    payer_email: str | None
    evidence: str | None


class ObservationIgnored(Struct, frozen=True, kw_only=True):
    """An observation moved nothing, because it is older than what is known: `reason` is `stale`.

    Older logs have `illegal_transition` as well. `ignored_at` is when the provider was asked, by the hub's clock; None
    where that was not noted. The hub accepts the observation when the provider, asked for that attempt by its id at
    least a minute later, repeats it.
    """

    schema_version: ClassVar[int] = 2

    attempt_id: str
    status: str
    status_detail: str | None
    observed_at: datetime
    ignored_at: datetime | None
    reason: str
    evidence: str | None


class ObservationMismatched(Struct, frozen=True, kw_only=True):
    """An observation names another reference than the charge: it is of another payment, and left out of this one.

    Older logs have it for another amount or currency as well.
    """

    schema_version: ClassVar[int] = 1

    attempt_id: str
    field: str
    expected: str
    observed: str
    status: str
    observed_at: datetime
    evidence: str | None


class StatusChanged(Struct, frozen=True, kw_only=True):
    """The payment as a whole moved from one status to another.

    Statuses are Mercado Pago's words for every provider: pending, authorized, in_process, approved,
    in_mediation, rejected, cancelled, refunded, charged_back; a provider may invent more.
    """

    schema_version: ClassVar[int] = 2

    previous: str
    status: str
    status_detail: str | None
    attempt_id: str | None
    paid_at: datetime | None


class DuplicatePaymentObserved(Struct, frozen=True, kw_only=True):
    """A second attempt was paid while another already paid the whole: somebody must give money back."""

    schema_version: ClassVar[int] = 1

    attempt_id: str
    already_paid_by: str
    amount_centavos: int


class PaymentExpired(Struct, frozen=True, kw_only=True):
    """The time to pay ran out by the hub's clock."""

    schema_version: ClassVar[int] = 1

    expires_at: datetime


class LatePaymentReceived(Struct, frozen=True, kw_only=True):
    """Money came for a charge that was closed already.

    For a direct Pix that was paid after its end this is the only event about the money: the money is held, and counts
    once it is accepted. Otherwise the observation of the attempt is recorded too. `attempt_id` is None only in older
    logs, where the bank did not name the transfer.
    """

    schema_version: ClassVar[int] = 3

    attempt_id: str | None
    amount_centavos: int
    received_at: datetime
    paid_at: datetime | None
    evidence: str | None


class TransferNamed(Struct, frozen=True, kw_only=True):
    """The bank names the transfer of a direct Pix that it reported without a name; any other name is another one."""

    schema_version: ClassVar[int] = 1

    end_to_end_id: str


class ConfirmationRefused(Struct, frozen=True, kw_only=True):
    """Somebody authorised confirmed another value than the charge's; the payment did not move."""

    schema_version: ClassVar[int] = 1

    expected_centavos: int
    received_centavos: int


class PaymentReopened(Struct, frozen=True, kw_only=True):
    """The provider withdrew an approval, and the charge can still be paid: the monitor watches it, and it can expire.

    `unsettled_attempts` are those of which money may still come.
    """

    schema_version: ClassVar[int] = 1

    provider: str
    external_reference: str
    own_attempt_id: str | None
    unsettled_attempts: tuple[str, ...]
    expires_at: datetime | None


class WatchStarted(Struct, frozen=True, kw_only=True):
    """The monitor asks the provider about this payment every few seconds until `watch_until` or a final status."""

    schema_version: ClassVar[int] = 1

    watch_until: datetime
