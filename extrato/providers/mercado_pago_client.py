"""Mercado Pago's HTTP interface, in Mercado Pago's words; every failure becomes one of ours here.

Sources: Mercado Pago's reference for preferences and payments, and its official SDKs (which statuses
are worth a retry: 429, 500, 502, 503, 504).
"""

from __future__ import annotations

import asyncio
import math
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeVar

import aiohttp
import msgspec
from msgspec import Raw, Struct

from extrato.errors import ProviderMisunderstood, ProviderNotConnected, ProviderRefused, ProviderUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT: Final = aiohttp.ClientTimeout(total=10, sock_connect=3, sock_read=8)
MAX_ANSWER_BYTES: Final = 4 << 20
READ_ATTEMPTS: Final = 3
WRITE_ATTEMPTS: Final = 2
RETRY_WAIT_S: Final = 0.2
RETRY_AFTER_S: Final = 5.0
MAX_RETRY_AFTER_S: Final = 300.0
TRANSIENT_STATUSES: Final = frozenset({429, 500, 502, 503, 504})
SEARCH_LIMIT: Final = 50
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

Shape = TypeVar("Shape")


class Preference(Struct, frozen=True):
    """What we read of a Checkout Pro preference."""

    id: str
    init_point: str
    sandbox_init_point: str | None = None


class Payer(Struct, frozen=True):
    """What we read of a payer."""

    email: str | None = None


class Payment(Struct, frozen=True, kw_only=True):
    """What we read of a payment; amounts are reais."""

    id: int | str
    status: str
    status_detail: str | None = None
    transaction_amount: Decimal
    transaction_amount_refunded: Decimal = Decimal(0)
    currency_id: str
    external_reference: str | None = None
    date_created: datetime
    date_last_updated: datetime | None = None
    date_approved: datetime | None = None
    payer: Payer | None = None


class Paging(Struct, frozen=True):
    """Where in a search an answer stands."""

    total: int
    limit: int
    offset: int


class SearchAnswer(Struct, frozen=True):
    """One page of a search; the payments stay undecoded, for their bytes are evidence."""

    paging: Paging
    results: list[Raw]


class MercadoPagoClient:
    """Asks Mercado Pago; raises `ProviderRefused`, `ProviderUnavailable` and `ProviderMisunderstood`."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._base_url = base_url

    async def create_preference(self, token: str, body: Mapping[str, Any], *, idempotency_key: str) -> Preference:
        """`POST /checkout/preferences`. Two posts make two preferences; only one of them will be handed out."""
        answer = await self._ask(
            "POST",
            "/checkout/preferences",
            token,
            body=msgspec.json.encode(body),
            headers={"X-Idempotency-Key": idempotency_key},
            attempts=WRITE_ATTEMPTS,
        )
        if answer is None:
            msg = "Mercado Pago has no preferences here."
            raise ProviderMisunderstood(msg)
        return _read(answer, Preference)

    async def get_payment(self, token: str, payment_id: str) -> bytes | None:
        """`GET /v1/payments/{id}`; None when there is no such payment."""
        return await self._ask("GET", f"/v1/payments/{payment_id}", token)

    async def search_payments(self, token: str, query: Mapping[str, str]) -> SearchAnswer:
        """`GET /v1/payments/search`."""
        answer = await self._ask("GET", "/v1/payments/search", token, query=query)
        if answer is None:
            msg = "Mercado Pago has no search here."
            raise ProviderMisunderstood(msg)
        return _read(answer, SearchAnswer)

    async def _ask(
        self,
        method: str,
        path: str,
        token: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        attempts: int = READ_ATTEMPTS,
    ) -> bytes | None:
        for attempt in range(1, attempts + 1):
            try:
                return await self._ask_once(method, path, token, query, body, headers or {})
            except ProviderUnavailable as error:
                # An account that is told to slow down must not be asked again at once.
                if attempt == attempts or error.retry_after_s > RETRY_WAIT_S:
                    raise
            await asyncio.sleep(RETRY_WAIT_S * attempt)
        raise AssertionError

    async def _ask_once(
        self,
        method: str,
        path: str,
        token: str,
        query: Mapping[str, str] | None,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> bytes | None:
        try:
            async with self._session.request(
                method,
                self._base_url + path,
                params=query,
                data=body,
                headers={
                    "Authorization": f"Bearer {token}",
                    "Content-Type": "application/json",
                    "Accept": "application/json",
                    **headers,
                },
                timeout=TIMEOUT,
                allow_redirects=False,
            ) as response:
                answer = await response.content.read(MAX_ANSWER_BYTES + 1)
                while len(answer) <= MAX_ANSWER_BYTES and not response.content.at_eof():
                    answer += await response.content.read(MAX_ANSWER_BYTES + 1 - len(answer))
                return _judge(path, response.status, response.headers.get("Retry-After"), answer, token)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            msg = f"Mercado Pago does not answer ({type(error).__name__})."
            # The cause is not chained, for some of aiohttp's errors carry the request's headers.
            raise ProviderUnavailable(msg, path, retry_after_s=RETRY_WAIT_S) from None


def _judge(path: str, status: int, retry_after: str | None, answer: bytes, token: str) -> bytes | None:
    if len(answer) > MAX_ANSWER_BYTES:
        msg = "Mercado Pago's answer is too long to be one."
        raise ProviderMisunderstood(msg, path)
    if status in {200, 201}:
        return answer
    if status == 404:
        return None
    if status in TRANSIENT_STATUSES:
        msg = f"Mercado Pago answered {status}."
        wait_s = RETRY_AFTER_S if status == 429 else RETRY_WAIT_S
        raise ProviderUnavailable(msg, path, retry_after_s=_seconds(retry_after, wait_s))
    if status in {401, 403}:
        # Not the question but the asker is refused: another credential may fare better.
        raise ProviderNotConnected(f"Mercado Pago does not accept the merchant's credential ({status}).", path)
    if 400 <= status < 500:
        # The reason may quote the request, and is kept for good.
        reason = _reason(answer).replace(token, "(token)")[:200]
        raise ProviderRefused(f"Mercado Pago answered {status}: {reason}", path)
    msg = f"Mercado Pago answered {status}."
    raise ProviderMisunderstood(msg, path)


def _seconds(text: str | None, default: float) -> float:
    try:
        seconds = float(text or "")
    except ValueError:
        return default
    return default if math.isnan(seconds) else min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


def _reason(answer: bytes) -> str:
    """Take the sentence out of an error body, `{"message", "error", "status", "cause"}`."""
    try:
        body = msgspec.json.decode(answer)
    except UNREADABLE:
        return "no reason given"
    message = body.get("message") if isinstance(body, dict) else None
    return str(message) if message else "no reason given"


def _read(answer: bytes, shape: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(answer, type=shape)
    except UNREADABLE as error:
        msg = f"Mercado Pago's answer is not a {shape.__name__}: {error}"
        raise ProviderMisunderstood(msg) from error


def read_payment(answer: bytes) -> Payment:
    """Read the bytes of one payment; raises `ProviderMisunderstood`."""
    return _read(answer, Payment)
