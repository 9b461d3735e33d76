"""Reads merchants, and authenticates their API keys."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from typing import TYPE_CHECKING, Final

from cachetools import FIFOCache
from msgspec import Struct

from contracts.subjects import MERCHANT_SLUG
from extrato.domain import api_keys
from extrato.domain import merchant as domain
from extrato.errors import NotFound
from extrato.use_cases.streams import Stream, read

if TYPE_CHECKING:
    from contracts.events import ApiKeyIssued, MerchantEvent
    from extrato.domain.api_keys import KeyRecord
    from extrato.store.log import LogReader

# A revoked key is rejected after the sum of these two at the latest.
MERCHANT_CACHE_S: Final = 0.5
KEY_CACHE_S: Final = 0.5
UNKNOWN_KEY_CACHE_S: Final = 0.1
CACHE_LIMIT: Final = 10_000
KEY_PREFIX: Final = "extrato"


class ApiKey(Struct, frozen=True, kw_only=True):
    """An authenticated key and its rights. `merchant` is None for a key of the hub, which acts for all merchants."""

    merchant: str | None
    key_id: str
    scopes: frozenset[str]
    listed_prices_only: bool


class _Reading(Struct, frozen=True):
    """A running read of a merchant, and what its result includes: changes until then, of this process and of others."""

    asked_at_s: float
    changes: int
    task: asyncio.Task[domain.Merchant]


class MerchantDirectory:
    """Reads merchants from their streams, authenticates API keys, and caches both for a moment.

    Callers who miss the cache at the same time share one read: under load, many requests come before its answer.
    """

    def __init__(self, log: LogReader) -> None:
        self._log = log
        self._readings: dict[str, _Reading] = {}
        self._cached: FIFOCache[str, tuple[float, domain.Merchant]] = FIFOCache(CACHE_LIMIT)
        self._cached_keys: FIFOCache[str, tuple[float, ApiKey]] = FIFOCache(CACHE_LIMIT)
        # A read that overlaps a change of a merchant is not cached.
        self._changes = 0

    async def find(self, slug: str) -> domain.Registered | None:
        """Return the merchant of that slug; None if there is none."""
        merchant = await self._find(slug)
        return merchant if isinstance(merchant, domain.Registered) else None

    async def get(self, slug: str) -> domain.Registered:
        """Return the merchant of that slug; raises `NotFound`."""
        merchant = await self.find(slug)
        if merchant is None:
            raise NotFound(slug, why="merchant")
        return merchant

    def forget(self, slug: str) -> None:
        """Drop the merchant from the cache, so that the caller that changed it reads the change."""
        self._cached.pop(slug, None)
        self._cached_keys.clear()
        self._changes += 1

    async def authenticate_uncached(self, bearer: str) -> ApiKey | None:
        """Authenticate an API key without the caches; for connections that outlive one request."""
        return await self._authenticate(bearer, max_age_s=0.0)

    async def authenticate(self, bearer: str) -> ApiKey | None:
        """Authenticate an API key; None if it is not valid. The secret is compared in constant time."""
        key = self.cached_key(bearer)
        if key is None:
            asked_at, changes = time.monotonic(), self._changes
            key = await self._authenticate(bearer)
            if key is not None and changes == self._changes:
                self._cached_keys[digest_of(bearer)] = (asked_at, key)
        return key

    def cached_key(self, bearer: str) -> ApiKey | None:
        """Return a key from the cache, without a read of the log."""
        cached = self._cached_keys.get(digest_of(bearer))
        is_fresh = cached is not None and time.monotonic() - cached[0] < KEY_CACHE_S
        return cached[1] if cached is not None and is_fresh else None

    async def _authenticate(self, bearer: str, *, max_age_s: float | None = None) -> ApiKey | None:
        named = key_named_by(bearer)
        if named is None:
            return None
        slug, key_id = named
        secret = bearer.split(".", 3)[3]
        holder = await self._find(slug, max_age_s=max_age_s)
        issued = _issued(holder, key_id)
        if issued is None:
            # Another process may have just issued the key. The short cache limits the database reads of a guessing
            # client.
            holder = await self._find(slug, max_age_s=UNKNOWN_KEY_CACHE_S)
            issued = _issued(holder, key_id)
        expected = issued.secret_digest if issued else ""
        if not hmac.compare_digest(digest_of(secret), expected) or issued is None:
            return None
        merchant = slug if isinstance(holder, domain.Registered) else None
        return ApiKey(
            merchant=merchant,
            key_id=key_id,
            scopes=frozenset(issued.scopes),
            listed_prices_only=issued.listed_prices_only,
        )

    async def _find(self, slug: str, *, max_age_s: float | None = None) -> domain.Merchant:
        cached = self._cached.get(slug)
        longest_s = MERCHANT_CACHE_S if max_age_s is None else max_age_s
        if cached is not None and time.monotonic() - cached[0] < longest_s:
            return cached[1]
        reading = self._readings.get(slug)
        is_recent = reading is not None and time.monotonic() - reading.asked_at_s < longest_s
        if reading is None or reading.changes != self._changes or not is_recent:
            reading = self._begin_reading(slug)
        # A caller that is cancelled does not cancel the read of the others.
        return await asyncio.shield(reading.task)

    def _begin_reading(self, slug: str) -> _Reading:
        task = asyncio.create_task(self._read(slug), name=f"merchant {slug}")
        reading = self._readings[slug] = _Reading(time.monotonic(), self._changes, task)
        task.add_done_callback(lambda _: self._end_reading(slug, reading))
        return reading

    def _end_reading(self, slug: str, ended: _Reading) -> None:
        if self._readings.get(slug) is ended:
            del self._readings[slug]
        if not ended.task.cancelled():
            # The callers raise the error. When none waits, reading it here avoids asyncio's warning.
            ended.task.exception()

    async def _read(self, slug: str) -> domain.Merchant:
        asked_at, changes = time.monotonic(), self._changes
        merchant, _ = await read_merchant(self._log, slug)
        if changes == self._changes:
            self._cached[slug] = (asked_at, merchant)
        return merchant


def key_named_by(bearer: str) -> tuple[str, str] | None:
    """Return the slug and key id in the text of a key, without verifying it; None for another text."""
    prefix, *rest = bearer.split(".", 3)
    if prefix != KEY_PREFIX or len(rest) < 3 or not rest[2] or not MERCHANT_SLUG.fullmatch(rest[0]):
        return None
    return rest[0], rest[1]


def _issued(holder: domain.Merchant, key_id: str) -> ApiKeyIssued | None:
    return None if isinstance(holder, domain.Unregistered) else holder.keys.issued.get(key_id)


def key_id_of(api_key: str) -> str:
    """Return the key id in the text of a key; empty for another text."""
    parts = api_key.split(".", 3)
    return parts[2] if len(parts) == 4 and parts[0] == KEY_PREFIX else ""


def digest_of(secret: str) -> str:
    """Return a digest of a key's secret, which is random and long, so a plain SHA-256 is enough."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()


def merchant_stream(slug: str) -> Stream[domain.Merchant, domain.Command, MerchantEvent]:
    """Return the stream of a merchant."""
    return Stream(
        decider=domain.decider(slug),
        stream_id=domain.stream_id(slug),
        merchant=slug,
        payment_id=None,
        about=f"Merchant {slug!r}",
    )


async def read_merchant(log: LogReader, slug: str) -> tuple[domain.Merchant, int]:
    """Return the current state of a slug, and the version of its stream."""
    history = await read(log, merchant_stream(slug))
    return history.state, history.version


async def read_api_keys(log: LogReader, slug: str) -> list[KeyRecord]:
    """Return the keys of a merchant, or of the hub itself, with the revoked ones."""
    return api_keys.records(await log.read_stream(domain.stream_id(slug)))
