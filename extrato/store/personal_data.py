"""Personal data of payers: sealed with the key of the payment before the hub stores it, and opened for the merchant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import structlog
from msgspec import Struct

from extrato.domain.person import KINDS, earlier_forms
from extrato.store.payment_keys import PaymentKeys
from extrato.store.person_tags import NO_TAGS, PersonTags, tag_of
from extrato.store.seal_metrics import UNREADABLE_EMAIL
from extrato.store.sealing import BodySeal, CannotOpen, KeyedDigest, is_sealed
from extrato.store.unavailable import raising_unavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import asyncpg

    from extrato.domain.person import PersonKind
    from extrato.store.sealing import PaymentKey
    from extrato.store.vault import Vault
    from extrato.values import Payer

# The sealed fields of events.
EMAIL: Final = "payer_email"
METADATA: Final = "metadata"
NO_KEYS: Final[dict[int, bytes]] = {}
# Shown in the place of a text that no key opens, and that was not erased.
UNREADABLE: Final = "unreadable"
TIMEOUT_S: Final = 5.0
MOST_PAYMENTS: Final = 100_000
PAYMENTS_OF: Final = """
    SELECT payment_id FROM payment_keys WHERE tag = $1 UNION SELECT payment_id FROM person_tags WHERE tag = $1
    ORDER BY payment_id DESC LIMIT $2
"""
# Names of secrets of the hub in the vault.
TAGS: Final = "person tags"
REQUESTS: Final = "request digests"
BODIES: Final = "webhook bodies"

_encode_metadata: Final = msgspec.json.Encoder().encode
_decode_metadata: Final = msgspec.json.Decoder(dict[str, str]).decode


def seal_metadata(key: PaymentKey, metadata: Mapping[str, str]) -> str | None:
    """Return the merchant's metadata sealed; None for an empty object."""
    return key.seal(_encode_metadata(metadata).decode(), METADATA) if metadata else None


class _Secrets(Struct, frozen=True):
    tags: KeyedDigest
    requests: KeyedDigest


class PersonalData:
    """Each coroutine raises `StoreUnavailable` and `InvalidVaultKey`."""

    def __init__(self, pool: asyncpg.Pool | asyncpg.Connection, vault: Vault) -> None:
        self.keys = PaymentKeys(pool, vault)
        self._pool = pool
        self._vault = vault
        self._known: _Secrets | None = None
        self._body_seal: BodySeal | None = None
        self._logger = structlog.get_logger(component="personal_data")

    async def tags_of(self, *payers: Payer) -> PersonTags:
        """Return the tags that find the payments of these payers."""
        return await self.tags([(kind, text) for payer in payers for kind in KINDS if (text := getattr(payer, kind))])

    async def tags(self, identifiers: Collection[tuple[PersonKind, str]]) -> PersonTags:
        """Return the tags of identifiers."""
        return PersonTags((self._known or await self._secrets()).tags, identifiers) if identifiers else NO_TAGS

    async def tag(self, kind: PersonKind, text: str) -> bytes:
        """Return the tag of one identifier: a digest under a key of the hub, so that guessing does not find it."""
        return tag_of((await self._secrets()).tags, kind, text)

    async def payments_of_person(self, kind: PersonKind, text: str) -> list[int]:
        """Return the payments of a person by one identifier, the newest first, at most `MOST_PAYMENTS`."""
        found = await self.payments_of(await self.tag(kind, text))
        for form in earlier_forms(kind, text):
            found += await self.payments_of((await self._secrets()).tags.digest(f"{kind}\n{form}".encode()))
        return sorted(set(found), reverse=True)

    async def payments_of(self, tag: bytes) -> list[int]:
        """Return the payments with a tag, the newest first, at most `MOST_PAYMENTS`."""
        with raising_unavailable():
            rows = await self._pool.fetch(PAYMENTS_OF, tag, MOST_PAYMENTS, timeout=TIMEOUT_S)
        return [row[0] for row in rows]

    async def request_digest(self, sha256: str) -> str:
        """Return the keyed digest of a request with personal data; `sha256` is the plain one, in hex."""
        return (await self._secrets()).requests.digest(sha256.encode()).hex()

    async def body_seal(self) -> BodySeal:
        """Return what seals and opens bodies of webhooks; the first call reads its secret from the vault."""
        if self._body_seal is None:
            self._body_seal = BodySeal(await self._vault.secret(BODIES))
        return self._body_seal

    async def open(self, payment_id: int, text: str | None, field: str = EMAIL) -> str | None:
        """Return the plain text of a field; None without a text, and after the payer was forgotten.

        `UNREADABLE` when the payment's key is lost, or the sealed text was changed: that must not look forgotten.
        """
        if text is None or not is_sealed(text):
            return text
        key = self.keys.cached(payment_id)
        if key is not None:
            return self._opened(key, text, field, is_lost=False)
        return (await self.open_all([(payment_id, text)], field))[0]

    async def open_all(
        self, sealed: Sequence[tuple[int, str | None]], field: str = EMAIL, *, keys: Mapping[int, bytes] = NO_KEYS
    ) -> list[str | None]:
        """Return the plain texts of one field of several payments, as `open` does, with one query at most.

        `keys` are those that the caller has read in the query for the texts, as the vault encrypts them.
        """
        opened = [text for _, text in sealed]
        wanted = {nth: sealed[nth][0] for nth, text in enumerate(opened) if text is not None and is_sealed(text)}
        if not wanted:
            return opened
        read = {each: keys[each] for each in wanted.values() if each in keys}
        usable = self.keys.just_read(read) if read else {}
        if unread := set(wanted.values()) - usable.keys():
            usable |= await self.keys.get_all(unread)
        # Few: the read model has no address of a forgotten payer.
        lost = await self.keys.lost(without) if (without := set(wanted.values()) - usable.keys()) else set()
        for payment_id in lost:
            self._say_unreadable(f"payment {payment_id} has no key")
        for nth, payment_id in wanted.items():
            text = sealed[nth][1] or ""
            opened[nth] = self._opened(usable.get(payment_id), text, field, is_lost=payment_id in lost)
        return opened

    async def open_metadata(self, payment_id: int, text: str | None) -> dict[str, str]:
        """Return the merchant's metadata of a payment; empty without any, and after the payer was forgotten.

        Unreadable metadata is empty too; the log and a metric say so.
        """
        return _metadata(await self.open(payment_id, text, METADATA))

    async def open_all_metadata(
        self, sealed: Sequence[tuple[int, str | None]], *, keys: Mapping[int, bytes] = NO_KEYS
    ) -> list[dict[str, str]]:
        """Return the metadata of several payments, as `open_metadata` does, with one query at most."""
        return [_metadata(text) for text in await self.open_all(sealed, METADATA, keys=keys)]

    def _opened(self, key: PaymentKey | None, text: str, field: str, *, is_lost: bool) -> str | None:
        if key is None:
            return UNREADABLE if is_lost else None
        try:
            return key.open(text, field)
        except CannotOpen as error:
            self._say_unreadable(str(error))
            return UNREADABLE

    def _say_unreadable(self, reason: str) -> None:
        UNREADABLE_EMAIL.inc()
        self._logger.error("seal_unreadable", reason=reason)

    async def _secrets(self) -> _Secrets:
        if self._known is None:
            tags, requests = await self._vault.secret(TAGS), await self._vault.secret(REQUESTS)
            self._known = _Secrets(tags=KeyedDigest(tags), requests=KeyedDigest(requests))
        return self._known


def _metadata(opened: str | None) -> dict[str, str]:
    return {} if opened in {None, UNREADABLE} else _decode_metadata(opened)
