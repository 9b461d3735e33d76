"""The errors outside the rules: of the store, the bus and the providers.

Transient errors carry `retry_after_s`. Sentences and HTTP statuses are in `contracts/errors/`.
"""

from __future__ import annotations

from contracts.errors import CataloguedError


class ExtratoError(CataloguedError):
    """An error with its code in the class; `facts` fill the sentences of the catalogue."""

    def __init__(self, about: str = "", **facts: object) -> None:
        super().__init__(self.code, about, facts)


class Transient(ExtratoError):
    """A retry may succeed; nothing was recorded, unless the subclass or its sentence differs."""

    code = "unavailable"

    def __init__(self, about: str = "", *, retry_after_s: float = 1.0, **facts: object) -> None:
        super().__init__(about, **facts)
        self.retry_after_s = retry_after_s


class Conflict(ExtratoError):
    """Another process appended to the stream first; read it and decide again."""

    code = "conflict"


class Overloaded(Transient):
    """Too many events wait to be written."""

    code = "overloaded"


class StoreUnavailable(Transient):
    """PostgreSQL does not answer or rejects writes; the outcome of a write is unknown, unless the sentence gives it."""

    code = "store_unavailable"


class BusUnavailable(Transient):
    """NATS does not answer; `about` is the reason."""

    code = "bus_unavailable"


class BusRefused(ExtratoError):
    """NATS refuses, also on a retry, until an operator changes its configuration; the sentence gives the reason."""

    code = "bus_refused"


class NotFound(ExtratoError):
    """The requested resource does not exist, or not for this caller."""

    code = "not_found"


class ProviderRefused(ExtratoError):
    """The provider refused; a retry gets the same answer. `reason` is the provider's code, if any.

    `http_status` is the status of the answer, 0 if the refusal is not an HTTP answer.
    """

    code = "provider_refused"

    def __init__(self, about: str = "", *, reason: str = "", http_status: int = 0, **facts: object) -> None:
        super().__init__(about, **facts)
        self.reason = reason
        self.http_status = http_status


class ChargeWasRefused(ProviderRefused):
    """The provider refused to charge a payment, which stays listed under `payment_id` with the refusal."""

    def __init__(self, payment_id: int, *, words: str) -> None:
        super().__init__(str(payment_id), words=words)
        self.payment_id = payment_id


class ProviderUnavailable(Transient):
    """The provider did not answer, is overloaded or failed; retry after `retry_after_s`."""

    code = "provider_unavailable"


class BudgetUsedUp(ProviderUnavailable):
    """The hub did not call the provider: the account's budget of calls is used up for this purpose."""


class ProviderShowsNothing(ProviderUnavailable):
    """The provider does not know a resource that a webhook or a page named; its data may lag behind."""

    code = "provider_shows_nothing"


class ProviderMisunderstood(ExtratoError):
    """The provider's answer has an unknown shape; the hub does not use it."""

    code = "provider_misunderstood"


class ProviderNotConnected(ExtratoError):
    """The merchant has no credential for the provider, or the provider rejects it."""

    code = "provider_not_connected"


class InternalError(ExtratoError):
    """An unexpected failure."""

    code = "internal_error"
