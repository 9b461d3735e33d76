"""Mercado Pago's HTTP interface, in Mercado Pago's words; every failure becomes one of ours here.

Sources: Mercado Pago's reference for preferences, payments and orders, and its official SDKs (which statuses are
worth a retry: 429, 500, 502, 503, 504; for orders also 423 and 424: locked, or failed elsewhere, for a moment). What
stands between answers with others of the five hundreds, and then nobody knows what was done.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import msgspec

from extrato.errors import ProviderMisunderstood, ProviderNotConnected, ProviderRefused, ProviderUnavailable
from extrato.providers.mercado_pago.shapes import (
    UNREADABLE,
    Account,
    MerchantOrder,
    Order,
    PixPayment,
    Preference,
    Refund,
    SearchAnswer,
    read,
)
from extrato.providers.rests import Rests

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT: Final = aiohttp.ClientTimeout(total=10, sock_connect=3, sock_read=8)
MAX_ANSWER_BYTES: Final = 4 << 20
READ_ATTEMPTS: Final = 3
WRITE_ATTEMPTS: Final = 2
RETRY_WAIT_S: Final = 0.2
RETRY_AFTER_S: Final = 5.0
MAX_RETRY_AFTER_S: Final = 300.0
TRANSIENT_STATUSES: Final = frozenset({408, 423, 424, 425, 429})
SEARCH_LIMIT: Final = 50
# "Unauthorized use of live credentials", and what the Orders API calls the like.
LIVE_CREDENTIAL_CODES: Final = frozenset({"7"})
# An idempotency key that another request holds at this moment; what came of that one is told to the next who asks.
KEY_IN_USE_CODES: Final = frozenset({"", "idempotency_key_already_used", "resource_locked"})
# Answered with 409 although asking again gives the same answer: nothing of the order can be given back.
NOT_REFUNDABLE_CODES: Final = frozenset({"cannot_refund_order", "order_already_refunded"})
# Answered with 401 although they are about the amount of a refund.
AMOUNT_CODES: Final = frozenset({"4040", "4041"})
# Without it a Pix refund that waits for the central bank is answered 400, and is in no list, though it goes on
# (mercadopago devsite-docs #1993).
RENDER_IN_PROCESS: Final = {"X-Render-In-Process-Refunds": "true"}


class ToldToWait(ProviderUnavailable):
    """Mercado Pago says for how long it does not want to be asked."""


class LiveCredentialNeeded(ProviderNotConnected):
    """The Payments API does not serve this credential, which is a test user's; the Orders API may."""


class MercadoPagoClient:
    """Asks Mercado Pago; raises `ProviderRefused`, `ProviderUnavailable` and `ProviderMisunderstood`."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._base_url = base_url
        self._rests = Rests()

    async def get_own_account(self, token: str) -> str:
        """`GET /users/me`: the id of the account that the token opens."""
        answer = await self._ask("GET", "/users/me", token)
        if answer is None:
            raise ProviderMisunderstood(why="no_accounts")
        return str(read(answer, Account).id)

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
            raise ProviderMisunderstood(why="no_preferences")
        return read(answer, Preference)

    async def get_payment(self, token: str, payment_id: str) -> bytes | None:
        """`GET /v1/payments/{id}`; None when there is no such payment."""
        return await self._ask("GET", f"/v1/payments/{payment_id}", token)

    async def create_pix(self, token: str, body: Mapping[str, Any], *, idempotency_key: str) -> PixPayment:
        """`POST /v1/payments`; the same key gives the same payment. Raises `LiveCredentialNeeded` for test users."""
        return read(await self._write("POST", "/v1/payments", token, body, idempotency_key), PixPayment)

    async def create_order(self, token: str, body: Mapping[str, Any], *, idempotency_key: str) -> Order:
        """`POST /v1/orders`; the same key gives the same order."""
        return read(await self._write("POST", "/v1/orders", token, body, idempotency_key), Order)

    async def get_order(self, token: str, order_id: str) -> bytes | None:
        """`GET /v1/orders/{id}`; None when there is no such order."""
        return await self._ask("GET", f"/v1/orders/{order_id}", token)

    async def get_merchant_order(self, token: str, order_id: str) -> MerchantOrder | None:
        """`GET /merchant_orders/{id}`; None when there is no such order."""
        answer = await self._ask("GET", f"/merchant_orders/{order_id}", token)
        return None if answer is None else read(answer, MerchantOrder)

    async def close_preference(self, token: str, preference_id: str, *, at: str) -> Preference:
        """`PUT /checkout/preferences/{id}`: let it be paid until `at` only; what is answered tells if it was heard."""
        body = {"expires": True, "expiration_date_to": at}
        return read(await self._change(f"/checkout/preferences/{preference_id}", token, body), Preference)

    async def cancel_payment(self, token: str, payment_id: str) -> None:
        """`PUT /v1/payments/{id}`: from `pending`, `in_process` and `authorized` only."""
        await self._change(f"/v1/payments/{payment_id}", token, {"status": "cancelled"})

    async def cancel_order(self, token: str, order_id: str, *, idempotency_key: str) -> None:
        """`POST /v1/orders/{id}/cancel`."""
        await self._write("POST", f"/v1/orders/{order_id}/cancel", token, None, idempotency_key)

    async def refund_payment(
        self, token: str, payment_id: str, body: Mapping[str, Any], *, idempotency_key: str
    ) -> bytes:
        """`POST /v1/payments/{id}/refunds`; where the key was used before the answer is empty."""
        return await self._refund(f"/v1/payments/{payment_id}/refunds", token, body, idempotency_key)

    async def get_refunds(self, token: str, payment_id: str) -> list[Refund]:
        """`GET /v1/payments/{id}/refunds`; empty when there is no such payment."""
        answer = await self._ask("GET", f"/v1/payments/{payment_id}/refunds", token, headers=RENDER_IN_PROCESS)
        return [] if answer is None else read(answer, list[Refund])

    async def refund_order(
        self, token: str, order_id: str, body: Mapping[str, Any] | None, *, idempotency_key: str
    ) -> bytes:
        """`POST /v1/orders/{id}/refund`; without a body it is all that is left. Answered with the order."""
        return await self._refund(f"/v1/orders/{order_id}/refund", token, body, idempotency_key)

    async def _refund(self, path: str, token: str, body: Mapping[str, Any] | None, idempotency_key: str) -> bytes:
        """Have money given back; a conflict is no refusal, unless it is with the state that the order is in."""
        try:
            return await self._write("POST", path, token, body, idempotency_key, RENDER_IN_PROCESS)
        except ProviderRefused as error:
            if error.http_status == 409 and error.reason not in NOT_REFUNDABLE_CODES:
                raise ProviderUnavailable(path, words=error.message, retry_after_s=RETRY_AFTER_S) from error
            raise

    async def _change(self, path: str, token: str, body: Mapping[str, Any]) -> bytes:
        """Change what is there; what the account does not know is not changed, and that is a refusal."""
        answer = await self._ask("PUT", path, token, body=msgspec.json.encode(body), attempts=WRITE_ATTEMPTS)
        if answer is None:
            raise ProviderRefused(path, why="unknown_change", reason="not_found")
        return answer

    async def _write(
        self,
        method: str,
        path: str,
        token: str,
        body: Mapping[str, Any] | None,
        idempotency_key: str,
        headers: Mapping[str, str] = {},
    ) -> bytes:
        answer = await self._ask(
            method,
            path,
            token,
            body=None if body is None else msgspec.json.encode(body),
            headers={"X-Idempotency-Key": idempotency_key, **headers},
            attempts=WRITE_ATTEMPTS,
        )
        if answer is None:
            raise ProviderRefused(path, why="unknown_write", reason="not_found")
        return answer

    async def search_payments(self, token: str, query: Mapping[str, str]) -> SearchAnswer:
        """`GET /v1/payments/search`."""
        answer = await self._ask("GET", "/v1/payments/search", token, query=query)
        if answer is None:
            raise ProviderMisunderstood(why="no_search")
        return read(answer, SearchAnswer)

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
        # Many who read must not keep one from writing.
        asker = (token, "read" if method == "GET" else "write")
        left_s = self._rests.left_s(asker)
        if left_s:
            raise ToldToWait(path, why="left_alone", retry_after_s=left_s)
        for attempt in range(1, attempts + 1):
            try:
                return await self._ask_once(method, path, token, query, body, headers or {})
            except ToldToWait as error:
                self._rests.begin(asker, error.retry_after_s)
                raise
            except ProviderUnavailable as error:
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
            failure = type(error).__name__
            # The cause is not chained, for some of aiohttp's errors carry the request's headers.
            raise ProviderUnavailable(path, why="silent", failure=failure, retry_after_s=RETRY_WAIT_S) from None


def _judge(path: str, status: int, retry_after: str | None, answer: bytes, token: str) -> bytes | None:
    if len(answer) > MAX_ANSWER_BYTES:
        raise ProviderMisunderstood(path, why="too_long")
    if status in {200, 201}:
        return answer
    if status == 404:
        return None
    if status in TRANSIENT_STATUSES or status >= 500:
        if status == 429 or retry_after is not None:
            wait_s = RETRY_AFTER_S if status == 429 else RETRY_WAIT_S
            wait_s = _seconds(retry_after, wait_s)
            raise ToldToWait(path, why="answered", status=status, retry_after_s=wait_s)
        raise ProviderUnavailable(path, why="answered", status=status, retry_after_s=RETRY_WAIT_S)
    code, sentence = _refusal(answer)
    if status in {401, 403} and code not in AMOUNT_CODES:
        # Not the question but the asker is refused: another credential may fare better.
        if code in LIVE_CREDENTIAL_CODES:
            raise LiveCredentialNeeded(path, why="credential", status=status)
        raise ProviderNotConnected(path, why="credential", status=status)
    if status == 409 and code in KEY_IN_USE_CODES:
        raise ProviderUnavailable(path, why="busy", retry_after_s=RETRY_AFTER_S)
    if 400 <= status < 500:
        # The reason may quote the request, and is kept for good.
        told = sentence.replace(token, "(token)")[:200]
        raise ProviderRefused(path, why="answered", status=status, words=told, reason=code, http_status=status)
    raise ProviderMisunderstood(path, status=status)


def _seconds(text: str | None, default: float) -> float:
    try:
        seconds = float(text or "")
    except ValueError:
        return default
    return default if math.isnan(seconds) else min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


def _refusal(answer: bytes) -> tuple[str, str]:
    """Take code and sentence out of an error body, which differs between Payments and Orders.

    `{"message", "error", "status", "cause": [{"code", …}]}` and `{"errors": [{"code", "message", …}]}`.
    """
    try:
        body = msgspec.json.decode(answer)
    except UNREADABLE:
        body = None
    if not isinstance(body, dict):
        return "", "no reason given"
    listed = body.get("errors") or body.get("cause")
    first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
    return str(first.get("code") or ""), str(body.get("message") or first.get("message") or "no reason given")
