"""Merchants: read them, change them, recognise their keys."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from contracts.subjects import MERCHANT_SLUG
from extrato.domain import merchant as domain
from extrato.errors import Conflict, NotFound, Overloaded
from extrato.store.appender import StreamAppend
from extrato.use_cases.hub import DECIDE_ATTEMPTS, Hub, new_events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contracts.envelope import Cause
    from contracts.events import MerchantEvent
    from extrato.ports import Credential
    from extrato.store.log import LogReader

CACHE_S: Final = 1.0
CACHE_LIMIT: Final = 10_000
KEY_PREFIX: Final = "extrato"


class ApiKey(Struct, frozen=True, kw_only=True):
    """Who is asking, and what he may."""

    merchant: str
    key_id: str
    scopes: frozenset[str]


class MerchantDirectory:
    """Reads merchants from their streams and remembers them for a second."""

    def __init__(self, log: LogReader) -> None:
        self._log = log
        self._remembered: dict[str, tuple[float, domain.Merchant]] = {}

    async def find(self, slug: str) -> domain.Registered | None:
        """Give the merchant of that slug; None when there is none."""
        remembered = self._remembered.get(slug)
        if remembered is not None and time.monotonic() - remembered[0] < CACHE_S:
            merchant = remembered[1]
        else:
            history = await self._log.read_stream(domain.stream_id(slug))
            merchant = domain.fold(envelope.event for envelope in history)  # type: ignore[misc]
            if len(self._remembered) >= CACHE_LIMIT:
                self._remembered.clear()
            self._remembered[slug] = (time.monotonic(), merchant)
        return merchant if isinstance(merchant, domain.Registered) else None

    async def get(self, slug: str) -> domain.Registered:
        """Give the merchant of that slug; raises `NotFound`."""
        merchant = await self.find(slug)
        if merchant is None:
            msg = f"Merchant {slug!r} does not exist."
            raise NotFound(msg, slug)
        return merchant

    async def recognise(self, bearer: str) -> ApiKey | None:
        """Tell whose API key this is; None when it is nobody's. The secret is compared in constant time."""
        prefix, _, rest = bearer.partition(".")
        slug, _, rest = rest.partition(".")
        key_id, _, secret = rest.partition(".")
        if prefix != KEY_PREFIX or not secret or not MERCHANT_SLUG.fullmatch(slug):
            return None
        merchant = await self.find(slug)
        issued = merchant.api_keys.get(key_id) if merchant else None
        expected = issued.secret_digest if issued else ""
        if not hmac.compare_digest(digest_of(secret), expected) or issued is None:
            return None
        return ApiKey(merchant=slug, key_id=key_id, scopes=frozenset(issued.scopes))


def new_api_key(slug: str) -> tuple[str, domain.IssueApiKey]:
    """Make a key with every scope of a merchant: the text to show once, and the command that issues it."""
    key_id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    scopes = ("payments:write", "payments:read", "confirm")
    command = domain.IssueApiKey(key_id=key_id, secret_digest=digest_of(secret), scopes=scopes)
    return f"{KEY_PREFIX}.{slug}.{key_id}.{secret}", command


def digest_of(secret: str) -> str:
    """Digest a key's secret; it is random and long, so a plain SHA-256 is enough."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()


async def change_merchant(hub: Hub, slug: str, commands: Sequence[domain.Command], *, cause: Cause) -> None:
    """Decide commands one after the other and append what follows; raises `Refused`."""
    for _ in range(DECIDE_ATTEMPTS):
        history = await hub.log.read_stream(domain.stream_id(slug))
        merchant = domain.fold(envelope.event for envelope in history)  # type: ignore[misc]
        events: list[MerchantEvent] = []
        for command in commands:
            for event in domain.decide(command, merchant):
                events.append(event)
                merchant = domain.evolve(merchant, event)
        if not events:
            return
        append = StreamAppend(
            stream_id=domain.stream_id(slug),
            expected_version=len(history),
            events=new_events(hub, events, merchant=slug, payment_id=None, cause=cause),
        )
        try:
            await hub.log.append(append)
        except Conflict:
            continue
        return
    msg = "Too many are changing this merchant at once; try again in a moment."
    raise Overloaded(msg, slug)


async def connect_provider(hub: Hub, slug: str, provider: str, credential: Credential, *, cause: Cause) -> None:
    """Put a credential into the vault and record that it is there."""
    await hub.vault.put(slug, provider, credential)
    command = domain.ConnectProvider(
        provider=provider, account_id=credential.account_id, credential_digest=credential.digest
    )
    await change_merchant(hub, slug, [command], cause=cause)
