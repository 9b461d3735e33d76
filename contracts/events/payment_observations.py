"""Events about the state of an opened payment, as the provider, the bank and the clock report it."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from msgspec import Struct


class ObservationRecorded(Struct, frozen=True, kw_only=True):
    """A provider answered the hub about one attempt.

    A payment may have several attempts (a refused card, then a Pix), with other amounts than the charge or in another
    `currency`. `observed_at` is the provider's time of the attempt's latest change; `evidence` is the digest of the
    provider's answer, in hex: the SHA-256 of the salt of the payment's key and the answer. `payer_email` is sealed with
    that key. Older logs have the plain SHA-256, and the e-mail address in plain text.
    """

    schema_version: ClassVar[int] = 3

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
    """The hub ignored an observation, because it is older than the attempt's latest one: `reason` is `stale`.

    Older logs also have `illegal_transition`. `ignored_at` is when the hub asked the provider, by the hub's clock; None
    in older logs. The hub accepts the observation if the provider repeats it when the hub asks for that attempt by its
    id at least a minute later.
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
    """An observation has another reference than the charge: it is of another payment, and not counted in this one.

    Older logs also have this event for another amount or currency.
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
    """The status of the payment changed.

    Statuses are Mercado Pago's words for every provider: pending, authorized, in_process, approved,
    in_mediation, rejected, cancelled, refunded, charged_back. A provider may send others.
    """

    schema_version: ClassVar[int] = 2

    previous: str
    status: str
    status_detail: str | None
    attempt_id: str | None
    paid_at: datetime | None


class DuplicatePaymentObserved(Struct, frozen=True, kw_only=True):
    """A second attempt was paid after another one had paid the whole charge: the merchant must refund one."""

    schema_version: ClassVar[int] = 1

    attempt_id: str
    already_paid_by: str
    amount_centavos: int


class PaymentExpired(Struct, frozen=True, kw_only=True):
    """The payment expired, by the hub's clock."""

    schema_version: ClassVar[int] = 1

    expires_at: datetime


class LatePaymentReceived(Struct, frozen=True, kw_only=True):
    """Money arrived for a charge that was already closed.

    For a direct Pix that was paid after its end, this is the only event about the money: the payment holds the money,
    which counts when the merchant accepts it. Otherwise the hub also records the observation of the attempt.
    `attempt_id` is None only in older logs, where the bank did not name the transfer.
    """

    schema_version: ClassVar[int] = 3

    attempt_id: str | None
    amount_centavos: int
    received_at: datetime
    paid_at: datetime | None
    evidence: str | None


class TransferNamed(Struct, frozen=True, kw_only=True):
    """The bank named the transfer of a direct Pix that it had confirmed without a name."""

    schema_version: ClassVar[int] = 1

    end_to_end_id: str


class ConfirmationRefused(Struct, frozen=True, kw_only=True):
    """A caller confirmed another value than the charge's; the payment's status did not change."""

    schema_version: ClassVar[int] = 1

    expected_centavos: int
    received_centavos: int


class PaymentReopened(Struct, frozen=True, kw_only=True):
    """The provider withdrew an approval, and the charge can still be paid: the monitor watches it, and it can expire.

    `unsettled_attempts` are the attempts that may still bring money.
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
