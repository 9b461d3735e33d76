"""What can go wrong outside the rules: in the store, on the bus, at a provider.

Transient errors carry `retry_after_s`. Sentences and HTTP statuses stand in `contracts/errors/`.
"""

from __future__ import annotations

from contracts.errors import CataloguedError


class ExtratoError(CataloguedError):
    """An error whose class has the `code`; `facts` fill the sentences of the catalogue."""

    def __init__(self, about: str = "", **facts: object) -> None:
        super().__init__(self.code, about, facts)


class Transient(ExtratoError):
    """It may go well a moment later; nothing was recorded unless said otherwise."""

    code = "unavailable"

    def __init__(self, about: str = "", *, retry_after_s: float = 1.0, **facts: object) -> None:
        super().__init__(about, **facts)
        self.retry_after_s = retry_after_s


class Conflict(ExtratoError):
    """Somebody else appended to the stream first; read it again and decide again."""

    code = "conflict"


class Overloaded(Transient):
    """Too much is waiting to be written already."""

    code = "overloaded"


class StoreUnavailable(Transient):
    """PostgreSQL does not answer or takes no writes; unless the sentence says so, what was written is unknown."""

    code = "store_unavailable"


class BusUnavailable(Transient):
    """NATS does not answer; `about` is the reason."""

    code = "bus_unavailable"


class BusRefused(ExtratoError):
    """NATS says no, and says it again until somebody changes its configuration; the sentence gives the reason."""

    code = "bus_refused"


class NotFound(ExtratoError):
    """The thing asked for does not exist, or not for this caller."""

    code = "not_found"


class ProviderRefused(ExtratoError):
    """The provider understood and said no; asking again gives the same answer. `reason` is its own code, if any.

    `http_status` is that of its answer, 0 where it is not an answer that refuses.
    """

    code = "provider_refused"

    def __init__(self, about: str = "", *, reason: str = "", http_status: int = 0, **facts: object) -> None:
        super().__init__(about, **facts)
        self.reason = reason
        self.http_status = http_status


class ChargeWasRefused(ProviderRefused):
    """The provider refused to charge a payment, which is recorded and stays listed under `payment_id`."""

    def __init__(self, payment_id: int, *, words: str) -> None:
        super().__init__(str(payment_id), words=words)
        self.payment_id = payment_id


class ProviderUnavailable(Transient):
    """The provider did not answer, is overloaded or is broken; ask again after `retry_after_s`."""

    code = "provider_unavailable"


class ProviderShowsNothing(ProviderUnavailable):
    """The provider does not show what it or somebody else told of; what it shows may lag behind."""

    code = "provider_shows_nothing"


class ProviderMisunderstood(ExtratoError):
    """The provider's answer has a shape that we do not know; it was not believed."""

    code = "provider_misunderstood"


class ProviderNotConnected(ExtratoError):
    """The merchant has no credential for the provider, or one that the provider does not accept."""

    code = "provider_not_connected"


class Unexpected(ExtratoError):
    """Something failed that nobody foresaw."""

    code = "internal_error"
