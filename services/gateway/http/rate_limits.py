"""Rate limits by API key and by client address.

Each gateway process counts alone: two processes allow twice as much together.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from cachetools import FIFOCache, LRUCache
from msgspec import Struct

from contracts.operations.operation import Limit
from extrato.errors import Transient
from extrato.token_bucket import TokenBucket
from services.gateway.metrics import LIMITED

if TYPE_CHECKING:
    from extrato.settings import Settings
    from services.gateway.http.caller import Caller

LimitKind = Limit | Literal["failures", "returns_of_payment", "returns_of_merchant"]

# How often the return page may ask the provider about an attempt that only the return address names. No payer comes
# back more often, and one payer cannot use up the merchant's calls to the provider.
RETURNS_OF_PAYMENT_PER_MINUTE: Final = 3
RETURNS_OF_MERCHANT_PER_MINUTE: Final = 600

MAX_REMEMBERED: Final = 20_000
OVERFLOW_ATTEMPTS_PER_MINUTE: Final = 600
SHORTEST_WAIT_S: Final = 1.0


class Quota(Struct, frozen=True, kw_only=True):
    """What a limit leaves to a caller: of its key and its address, the one with fewer requests left.

    `reset_s` are the seconds until `left` is complete again; if nothing is left, until the next request.
    """

    per_minute: int
    left: int
    reset_s: float


class Buckets(NamedTuple):
    """The token buckets that a request takes from."""

    limit: Limit
    all: tuple[TokenBucket, ...]


class TooManyRequests(Transient):
    """This key or address has reached its limit; nothing was done."""

    code = "too_many_requests"


class RateLimiter:
    """The token buckets of this process, by limit and by holder. Beyond `MAX_REMEMBERED` the least recently used go."""

    def __init__(self, settings: Settings) -> None:
        self._per_minute: dict[LimitKind, int] = {
            "creations": settings.creations_per_minute,
            "checks": settings.checks_per_minute,
            "confirmations": settings.confirmations_per_minute,
            "lists": settings.lists_per_minute,
            "failures": settings.failures_per_minute,
            "returns_of_payment": RETURNS_OF_PAYMENT_PER_MINUTE,
            "returns_of_merchant": RETURNS_OF_MERCHANT_PER_MINUTE,
        }
        self._buckets: LRUCache[tuple[LimitKind, str], TokenBucket] = LRUCache(MAX_REMEMBERED)
        self._accepted: FIFOCache[bytes, None] = FIFOCache(MAX_REMEMBERED)
        self._overflow_budget = TokenBucket(OVERFLOW_ATTEMPTS_PER_MINUTE)

    def buckets(self, what: Limit, caller: Caller, address: str) -> Buckets:
        """Return the buckets of an API key and an address."""
        return Buckets(what, tuple(self._bucket(what, holder) for holder in _holders(caller, address)))

    def count(self, what: Limit, caller: Caller, address: str) -> None:
        """Count a request of an API key and of an address; raises `TooManyRequests`."""
        self.take(self.buckets(what, caller, address))

    def take(self, buckets: Buckets) -> None:
        """Take one token from each bucket; raises `TooManyRequests`."""
        for bucket in buckets.all:
            self._take(buckets.limit, bucket)

    def quota(self, buckets: Buckets) -> Quota:
        """Return what a limit leaves."""
        left, reset_s = min(bucket.left_and_reset_s() for bucket in buckets.all)
        return Quota(per_minute=self._per_minute[buckets.limit], left=left, reset_s=reset_s)

    def admit_attempt(self, address: str, credential: str) -> None:
        """Admit a credential whose check reads the log; raises `TooManyRequests`.

        A credential is an API key or another secret that a client could guess: a payer's token, a payment's reference,
        the name of a picture. An address over its failure budget may still use credentials that were accepted before.
        All such addresses together may try as many others as the overflow budget allows, so that a client who guesses
        does not lock out its neighbours behind the same address.
        """
        wait_s = self._bucket("failures", f"address {address}").wait_s
        if wait_s and _digest(credential) not in self._accepted and not self._overflow_budget.take():
            raise self._refusal("failures", wait_s)

    def record_failure(self, address: str) -> None:
        """Count a wrong credential; raises `TooManyRequests` when the address is over its failure budget."""
        self._take("failures", self._bucket("failures", f"address {address}"))

    def record_success(self, credential: str) -> None:
        """Remember the digest of an accepted credential."""
        self._accepted[_digest(credential)] = None

    def take_return_check(self, merchant: str, payment_id: int) -> bool:
        """Take one call about an attempt that only a return address names, if payment and merchant have one left."""
        of_payment = self._bucket("returns_of_payment", str(payment_id))
        return of_payment.take() and self._bucket("returns_of_merchant", merchant).take()

    def _take(self, what: LimitKind, bucket: TokenBucket) -> None:
        if not bucket.take():
            raise self._refusal(what, bucket.wait_s)

    def _bucket(self, what: LimitKind, whose: str) -> TokenBucket:
        key = (what, whose)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(self._per_minute[what])
        return bucket

    def _refusal(self, what: LimitKind, wait_s: float) -> TooManyRequests:
        LIMITED.labels(what).inc()
        return TooManyRequests(what, retry_after_s=max(wait_s, SHORTEST_WAIT_S))


def _holders(caller: Caller, address: str) -> list[str]:
    """Return the names of the buckets that a request takes from."""
    of_key = [] if caller.actor_id is None else [f"key {caller.merchant} {caller.actor_id}"]
    return [*of_key, f"address {address}"]


def _digest(credential: str) -> bytes:
    return hashlib.sha256(credential.encode(errors="surrogateescape")).digest()
