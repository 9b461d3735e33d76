"""The keys of payments' personal data: made with the first of it, cached, and destroyed to forget a payer.

The vault encrypts each key. A process uses a destroyed key for `FRESH_S` at most: before it opens something with a
cached key, it asks which keys were destroyed since it last asked.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from extrato.identifiers import RandomBytes
from extrato.store.sealing import KEY_BYTES, PaymentKey, encrypt
from extrato.store.unavailable import raising_unavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import asyncpg

    from extrato.store.vault import Vault

CACHED_KEYS: Final = 20_000
# To drop half of them at once stops the process for 8 ms; one at a time, a dict looks for its oldest each time.
DROPPED_KEYS: Final = 500
# The table may have millions of rows, and a count reads each.
MOST_COUNTED_KEYS: Final = 100_000
FRESH_S: Final = 0.5
TIMEOUT_S: Final = 5.0
_new_key: Final = RandomBytes(KEY_BYTES)

# Returns no row when another transaction has just stored a key, which the statement does not see.
GET_OR_MAKE: Final = """
    WITH made AS (
        INSERT INTO payment_keys (payment_id, sealed) VALUES ($1, $2) ON CONFLICT (payment_id) DO NOTHING
        RETURNING sealed
    )
    SELECT sealed FROM made UNION ALL SELECT sealed FROM payment_keys WHERE payment_id = $1
"""
LOST: Final = """
    SELECT payment_id FROM unnest($1::bigint[]) AS wanted (payment_id)
    WHERE NOT EXISTS (SELECT FROM payment_keys k WHERE k.payment_id = wanted.payment_id)
"""
IS_DESTROYED: Final = "SELECT destroyed_at IS NOT NULL FROM payment_keys WHERE payment_id = $1"
READ: Final = "SELECT payment_id, sealed FROM payment_keys WHERE payment_id = ANY ($1)"
DESTROYED: Final = """
    SELECT payment_id FROM payment_keys WHERE destroyed_at > clock_timestamp() - $1 * interval '1 second'
"""
COUNT: Final = """
    SELECT (SELECT count(*) FROM (SELECT FROM payment_keys WHERE sealed IS NOT NULL LIMIT $1) AS usable),
           (SELECT count(*) FROM (SELECT FROM payment_keys WHERE destroyed_at IS NOT NULL LIMIT $1) AS destroyed)
"""
# A destruction commits some time after it was dated, with a synchronous standby that is away minutes. Clocks also jump.
OVERLAP_S: Final = 600.0


class KeyCounts(Struct, frozen=True, kw_only=True):
    """The numbers of usable and of destroyed keys, each up to `MOST_COUNTED_KEYS`."""

    usable: int
    destroyed: int


class NewKey(Struct, frozen=True):
    """A key that is not stored yet, and the cipher of the vault for it.

    The write that stores it encrypts it, because a batch does that for all its keys at once: between other code of a
    creation, the same takes three times as long.
    """

    key: PaymentKey
    cipher: AESGCM

    def seal(self) -> bytes:
        """Return the encrypted key."""
        return encrypt(self.cipher, self.key.plain, bound_to_payment_key(self.key.payment_id))


class PaymentKeys:
    """Makes and returns keys; each coroutine raises `StoreUnavailable` and `InvalidVaultKey`."""

    def __init__(self, pool: asyncpg.Pool | asyncpg.Connection, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault
        # In the order in which they came. A list of payments reads many, and any other cache is slower than a dict.
        self._cached: dict[int, PaymentKey] = {}
        # Every cached key is younger than this. An infinite age would be an error of PostgreSQL before version 17.
        self._asked_at_s = time.monotonic() - FRESH_S
        self._asking: asyncio.Future[None] | None = None

    def new(self, payment_id: int) -> NewKey:
        """Return a random key for a new payment, which is stored in the transaction of its first event.

        A payment without personal data needs none before its first observation.
        """
        return new_payment_key(self._vault, payment_id)

    def remember(self, key: PaymentKey) -> None:
        """Cache a new key, once it is stored. The oldest ones of a full cache go."""
        if len(self._cached) >= CACHED_KEYS:
            for oldest in list(itertools.islice(self._cached, DROPPED_KEYS)):
                del self._cached[oldest]
        self._cached[key.payment_id] = key

    def cached(self, payment_id: int) -> PaymentKey | None:
        """Return a key that may be used without a query; None where one is needed."""
        return self._cached.get(payment_id) if time.monotonic() - self._asked_at_s < FRESH_S else None

    def just_read(self, sealed: Mapping[int, bytes]) -> dict[int, PaymentKey]:
        """Return keys that the caller has just read from the table, so that they were not destroyed by then."""
        found = {each: key for each in sealed if (key := self._cached.get(each)) is not None}
        if missing := {each: key for each, key in sealed.items() if each not in found}:
            found |= self._open(missing)
        return found

    async def get_or_make(self, payment_id: int) -> PaymentKey | None:
        """Return the key of a payment, made and stored if there is none; None when it was destroyed."""
        await self._drop_destroyed()
        if (found := self._cached.get(payment_id)) is not None:
            return found
        new = self.new(payment_id).seal()
        with raising_unavailable():
            row = await self._pool.fetchrow(GET_OR_MAKE, payment_id, new, timeout=TIMEOUT_S)
        if row is None:
            return (await self.get_all((payment_id,))).get(payment_id)
        return None if row[0] is None else self._open({payment_id: row[0]})[payment_id]

    async def get_all(self, payment_ids: Collection[int]) -> dict[int, PaymentKey]:
        """Return the keys of these payments, without those that never existed or were destroyed."""
        await self._drop_destroyed()
        found = {each: key for each in payment_ids if (key := self._cached.get(each)) is not None}
        if missing := [each for each in payment_ids if each not in found]:
            with raising_unavailable():
                rows = await self._pool.fetch(READ, missing, timeout=TIMEOUT_S)
            found |= self._open({payment_id: sealed for payment_id, sealed in rows if sealed is not None})
        return found

    async def lost(self, payment_ids: Collection[int]) -> set[int]:
        """Return those of these payments whose key is missing; a destroyed key leaves a row."""
        with raising_unavailable():
            return {row[0] for row in await self._pool.fetch(LOST, list(payment_ids), timeout=TIMEOUT_S)}

    def _open(self, sealed: Mapping[int, bytes]) -> dict[int, PaymentKey]:
        """Decrypt and cache keys."""
        plain = self._vault.unseal_all((key, bound_to_payment_key(each)) for each, key in sealed.items())
        keys = {each: PaymentKey(each, key) for each, key in zip(sealed, plain, strict=True)}
        for key in keys.values():
            self.remember(key)
        return keys

    async def is_destroyed(self, payment_id: int) -> bool:
        """Return whether the key of a payment was destroyed, without the cache."""
        with raising_unavailable():
            destroyed: bool | None = await self._pool.fetchval(IS_DESTROYED, payment_id, timeout=TIMEOUT_S)
        return bool(destroyed)

    def drop(self, payment_id: int) -> None:
        """Drop the cached key of a payment, which this process has destroyed."""
        self._cached.pop(payment_id, None)

    def forget(self) -> None:
        """Drop every cached key: the database went back, or keys were destroyed while this process did not look."""
        self._cached.clear()

    async def _drop_destroyed(self) -> None:
        """Drop the cached keys that were destroyed, at least every `FRESH_S`. Concurrent callers share one query."""
        if time.monotonic() - self._asked_at_s < FRESH_S:
            return
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(self._ask_for_destroyed())
        await asyncio.shield(self._asking)

    async def _ask_for_destroyed(self) -> None:
        asked_at_s = time.monotonic()
        if self._cached:
            since_s = asked_at_s - self._asked_at_s + OVERLAP_S
            with raising_unavailable():
                rows = await self._pool.fetch(DESTROYED, since_s, timeout=TIMEOUT_S)
            for row in rows:
                self._cached.pop(row[0], None)
        self._asked_at_s = asked_at_s


def new_payment_key(vault: Vault, payment_id: int) -> NewKey:
    """Return a random key of a payment."""
    return NewKey(PaymentKey(payment_id, _new_key()), vault.newest_cipher())


def bound_to_payment_key(payment_id: int) -> bytes:
    """Return the text that the key of a payment is bound to."""
    return b"payment key\n%d" % payment_id


async def count_keys(database: asyncpg.Pool | asyncpg.Connection) -> KeyCounts:
    """Count the keys of payments, each kind up to `MOST_COUNTED_KEYS`."""
    row = await database.fetchrow(COUNT, MOST_COUNTED_KEYS)
    return KeyCounts(usable=row[0], destroyed=row[1])
