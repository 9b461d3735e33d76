"""Bounds on how often one key or one address may do what costs something.

Each gateway counts for itself, so several allow as many times as much together.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Final, Literal

from cachetools import FIFOCache, LRUCache

from contracts.operations.operation import Limit
from extrato.errors import Transient
from services.gateway.metrics import LIMITED

if TYPE_CHECKING:
    from extrato.settings import Settings
    from services.gateway.http.caller import Caller

Counted = Limit | Literal["failures", "returns_of_payment", "returns_of_merchant"]

# How often a payer who comes back may have the provider asked about an attempt that only the address speaks of: no
# payer comes back more often, and nobody uses up what a merchant's account may ask.
RETURNS_OF_PAYMENT_PER_MINUTE: Final = 3
RETURNS_OF_MERCHANT_PER_MINUTE: Final = 600

REMEMBERED: Final = 20_000
SECOND_LOOKS_PER_MINUTE: Final = 600
SHORTEST_WAIT_S: Final = 1.0
MAX_FORWARDED: Final = 20
# What one household or one machine is given of the Internet's newer addresses.
V6_PREFIX: Final = 64


class TooManyRequests(Transient):
    """This key or this address has asked too often; nothing was done."""

    code = "too_many_requests"


class Allowance:
    """Allows `per_minute` on average, and `at_once`, by default as many, after a quiet while."""

    def __init__(self, per_minute: int, *, at_once: int | None = None) -> None:
        self._per_minute = per_minute
        self._most = per_minute if at_once is None else at_once
        self._left = float(self._most)
        self._counted_at = time.monotonic()

    @property
    def wait_s(self) -> float:
        """Give after how long there is one again; zero when there is one."""
        self._earn()
        return max(0.0, (1 - self._left) * 60 / self._per_minute)

    def take(self, count: int = 1) -> bool:
        """Use up as many, if there are so many."""
        self._earn()
        if self._left < count:
            return False
        self._left -= count
        return True

    def _earn(self) -> None:
        now = time.monotonic()
        earned = (now - self._counted_at) * self._per_minute / 60
        self._left, self._counted_at = min(self._most, self._left + earned), now


class Limits:
    """The allowances of this process, by what is counted and for whom; the longest unused are forgotten."""

    def __init__(self, settings: Settings) -> None:
        self._per_minute: dict[Counted, int] = {
            "creations": settings.creations_per_minute,
            "checks": settings.checks_per_minute,
            "confirmations": settings.confirmations_per_minute,
            "lists": settings.lists_per_minute,
            "failures": settings.failures_per_minute,
            "returns_of_payment": RETURNS_OF_PAYMENT_PER_MINUTE,
            "returns_of_merchant": RETURNS_OF_MERCHANT_PER_MINUTE,
        }
        self._allowances: LRUCache[tuple[Counted, str], Allowance] = LRUCache(REMEMBERED)
        self._accepted: FIFOCache[bytes, None] = FIFOCache(REMEMBERED)
        self._second_looks = Allowance(SECOND_LOOKS_PER_MINUTE)

    def count(self, what: Limit, caller: Caller, address: str) -> None:
        """Count a request for its key and its address; raises `TooManyRequests`."""
        if caller.actor_id is not None:
            self._take(what, f"key {caller.merchant} {caller.actor_id}")
        self._take(what, f"address {address}")

    def allow_attempt(self, address: str, credential: str) -> None:
        """Let an address show a credential that costs a look at the log; raises `TooManyRequests`.

        A credential is an API key, and whatever else nobody is meant to guess: a reference, the name of a picture.
        From an address that has failed too often, those that were accepted before are looked at all the same, and
        of the others as many as a budget for all such addresses allows: a neighbour who guesses must lock nobody out.
        """
        wait_s = self._allowance("failures", f"address {address}").wait_s
        if wait_s and _digest(credential) not in self._accepted and not self._second_looks.take():
            raise self._refusal("failures", wait_s)

    def failed(self, address: str) -> None:
        """Count a credential that is nobody's; raises `TooManyRequests` when the address has failed too often."""
        self._take("failures", f"address {address}")

    def succeeded(self, credential: str) -> None:
        """Remember a credential that was accepted, by its digest."""
        self._accepted[_digest(credential)] = None

    def take_return(self, merchant: str, payment_id: int) -> bool:
        """Use up one question about an attempt that a return address speaks of, if payment and merchant have one."""
        of_payment = self._allowance("returns_of_payment", str(payment_id))
        return of_payment.take() and self._allowance("returns_of_merchant", merchant).take()

    def _take(self, what: Counted, whose: str) -> None:
        allowance = self._allowance(what, whose)
        if not allowance.take():
            raise self._refusal(what, allowance.wait_s)

    def _allowance(self, what: Counted, whose: str) -> Allowance:
        key = (what, whose)
        allowance = self._allowances.get(key)
        if allowance is None:
            allowance = self._allowances[key] = Allowance(self._per_minute[what])
        return allowance

    def _refusal(self, what: Counted, wait_s: float) -> TooManyRequests:
        LIMITED.labels(what).inc()
        return TooManyRequests(what, retry_after_s=max(wait_s, SHORTEST_WAIT_S))


def _digest(credential: str) -> bytes:
    return hashlib.sha256(credential.encode(errors="surrogateescape")).digest()
