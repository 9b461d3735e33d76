"""Mercado Pago's HTTP interface, in Mercado Pago's words; translates every failure into an error of `extrato.errors`.

Sources: Mercado Pago's reference for preferences, payments and orders, and its official SDKs. Worth a retry are 429,
500, 502, 503 and 504, and for orders also 423 and 424 (locked, or failed elsewhere, for a moment). A proxy in between
may answer with another 5xx; then the outcome is unknown.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import msgspec

from contracts.providers import MERCADO_PAGO
from extrato import tracing
from extrato.errors import ProviderMisunderstood, ProviderNotConnected, ProviderRefused, ProviderUnavailable
from extrato.providers.call_budget import UNLIMITED, budget_name, current_purpose
from extrato.providers.call_spans import call_span
from extrato.providers.cooldowns import Cooldowns
from extrato.providers.mercado_pago.operations import operation_of
from extrato.providers.mercado_pago.refusal_words import without_payer
from extrato.providers.mercado_pago.shapes import (
    DECODE_ERRORS,
    Account,
    MerchantOrder,
    Order,
    PixPayment,
    Preference,
    Refund,
    SearchAnswer,
    read,
)
from extrato.providers.metrics import DURATION_S, count_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extrato.providers.call_budget import CallBudget

TIMEOUT: Final = aiohttp.ClientTimeout(total=10, sock_connect=3, sock_read=8)
MAX_ANSWER_BYTES: Final = 4 << 20
READ_ATTEMPTS: Final = 3
WRITE_ATTEMPTS: Final = 2
RETRY_WAIT_S: Final = 0.2
RETRY_AFTER_S: Final = 5.0
MAX_RETRY_AFTER_S: Final = 300.0
TRANSIENT_STATUSES: Final = frozenset({408, 423, 424, 425, 429})
SEARCH_LIMIT: Final = 50
LONGEST_SENTENCE: Final = 2_000
# "Unauthorized use of live credentials" of the Payments API, and a similar error of the Orders API.
LIVE_CREDENTIAL_CODES: Final = frozenset({"7"})
# Another request holds the idempotency key at this moment. A later retry returns the result of that request.
KEY_IN_USE_CODES: Final = frozenset({"", "idempotency_key_already_used", "resource_locked"})
# Answered with 409, but a retry gets the same answer: no part of the order can be refunded.
NOT_REFUNDABLE_CODES: Final = frozenset({"cannot_refund_order", "order_already_refunded"})
# Answered with 401, although the refund's amount is the cause.
AMOUNT_CODES: Final = frozenset({"4040", "4041"})
# Without this header a Pix refund that waits for the central bank is answered 400 and is in no list, though it goes on
# (mercadopago devsite-docs #1993).
RENDER_IN_PROCESS: Final = {"X-Render-In-Process-Refunds": "true"}


class ProviderThrottled(ProviderUnavailable):
    """Mercado Pago asks for a pause of `retry_after_s`."""


class LiveCredentialNeeded(ProviderNotConnected):
    """The Payments API rejects this credential of a test user; the Orders API may accept it."""


class MercadoPagoClient:
    """Calls Mercado Pago; raises `ProviderRefused`, `ProviderUnavailable` and `ProviderMisunderstood`."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, budget: CallBudget = UNLIMITED) -> None:
        self._session = session
        self._base_url = base_url
        self._budget = budget
        self._cooldowns = Cooldowns()

    async def get_own_account(self, token: str) -> str:
        """`GET /users/me`: the id of the token's account."""
        answer = await self._request("GET", "/users/me", token)
        if answer is None:
            raise ProviderMisunderstood(why="no_accounts")
        return str(read(answer, Account).id)

    async def create_preference(self, token: str, body: Mapping[str, Any], *, idempotency_key: str) -> Preference:
        """`POST /checkout/preferences`. Two requests create two preferences; the hub uses only one of them."""
        answer = await self._request(
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
        return await self._request("GET", f"/v1/payments/{payment_id}", token)

    async def create_pix(self, token: str, body: Mapping[str, Any], *, idempotency_key: str) -> PixPayment:
        """`POST /v1/payments`; the same key returns the same payment. Raises `LiveCredentialNeeded` for test users."""
        return read(await self._write("POST", "/v1/payments", token, body, idempotency_key), PixPayment)

    async def create_order(self, token: str, body: Mapping[str, Any], *, idempotency_key: str) -> Order:
        """`POST /v1/orders`; the same key returns the same order."""
        return read(await self._write("POST", "/v1/orders", token, body, idempotency_key), Order)

    async def get_order(self, token: str, order_id: str) -> bytes | None:
        """`GET /v1/orders/{id}`; None when there is no such order."""
        return await self._request("GET", f"/v1/orders/{order_id}", token)

    async def get_merchant_order(self, token: str, order_id: str) -> MerchantOrder | None:
        """`GET /merchant_orders/{id}`; None when there is no such order."""
        answer = await self._request("GET", f"/merchant_orders/{order_id}", token)
        return None if answer is None else read(answer, MerchantOrder)

    async def close_preference(self, token: str, preference_id: str, *, at: str) -> Preference:
        """`PUT /checkout/preferences/{id}`: close it at `at`. The answer shows whether Mercado Pago applied that."""
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
        """`POST /v1/payments/{id}/refunds`; the answer is empty when the key was used before."""
        return await self._refund(f"/v1/payments/{payment_id}/refunds", token, body, idempotency_key)

    async def get_refunds(self, token: str, payment_id: str) -> list[Refund]:
        """`GET /v1/payments/{id}/refunds`; empty when there is no such payment."""
        answer = await self._request("GET", f"/v1/payments/{payment_id}/refunds", token, headers=RENDER_IN_PROCESS)
        return [] if answer is None else read(answer, list[Refund])

    async def refund_order(
        self, token: str, order_id: str, body: Mapping[str, Any] | None, *, idempotency_key: str
    ) -> bytes:
        """`POST /v1/orders/{id}/refund`; without a body it refunds all that is left. The answer is the order."""
        return await self._refund(f"/v1/orders/{order_id}/refund", token, body, idempotency_key)

    async def _refund(self, path: str, token: str, body: Mapping[str, Any] | None, idempotency_key: str) -> bytes:
        """Refund money. A 409 is retried later, unless the state of the order causes it."""
        try:
            return await self._write("POST", path, token, body, idempotency_key, RENDER_IN_PROCESS)
        except ProviderRefused as error:
            if error.http_status == 409 and error.reason not in NOT_REFUNDABLE_CODES:
                raise ProviderUnavailable(path, words=error.message, retry_after_s=RETRY_AFTER_S) from error
            raise

    async def _change(self, path: str, token: str, body: Mapping[str, Any]) -> bytes:
        """Change a resource; an unknown one counts as a refusal."""
        answer = await self._request("PUT", path, token, body=msgspec.json.encode(body), attempts=WRITE_ATTEMPTS)
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
        answer = await self._request(
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
        answer = await self._request("GET", "/v1/payments/search", token, query=query)
        if answer is None:
            raise ProviderMisunderstood(why="no_search")
        return read(answer, SearchAnswer)

    async def _request(
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
        # Throttled reads must not block writes.
        key = (token, "read" if method == "GET" else "write")
        left_s = self._cooldowns.left_s(key)
        if left_s:
            count_request(MERCADO_PAGO, operation_of(method, path), "throttled")
            raise ProviderThrottled(path, why="left_alone", retry_after_s=left_s)
        purpose = current_purpose() if method == "GET" else "payment"
        for attempt in range(1, attempts + 1):
            await self._budget.take(MERCADO_PAGO, budget_name(MERCADO_PAGO, token), purpose)
            try:
                with call_span(method, self._base_url, path, attempt=attempt):
                    return await self._request_once(method, path, token, query, body, headers or {})
            except ProviderThrottled as error:
                self._cooldowns.start(key, error.retry_after_s)
                raise
            except ProviderUnavailable as error:
                if attempt == attempts or error.retry_after_s > RETRY_WAIT_S:
                    raise
            await asyncio.sleep(RETRY_WAIT_S * attempt)
        raise AssertionError

    async def _request_once(
        self,
        method: str,
        path: str,
        token: str,
        query: Mapping[str, str] | None,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> bytes | None:
        operation, started_at_s = operation_of(method, path), time.perf_counter()
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
                tracing.annotate({"http.response.status_code": response.status})
                answer = await response.content.read(MAX_ANSWER_BYTES + 1)
                while len(answer) <= MAX_ANSWER_BYTES and not response.content.at_eof():
                    answer += await response.content.read(MAX_ANSWER_BYTES + 1 - len(answer))
            count_request(MERCADO_PAGO, operation, response.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            count_request(MERCADO_PAGO, operation, "timeout" if isinstance(error, TimeoutError) else "network")
            failure = type(error).__name__
            # The cause is not chained, because some of aiohttp's errors carry the request's headers.
            raise ProviderUnavailable(path, why="silent", failure=failure, retry_after_s=RETRY_WAIT_S) from None
        except asyncio.CancelledError:
            # The caller has its own time limit.
            count_request(MERCADO_PAGO, operation, "timeout")
            raise
        finally:
            DURATION_S.labels(MERCADO_PAGO, operation).observe(time.perf_counter() - started_at_s)
        return _classify(path, response.status, response.headers.get("Retry-After"), answer, token, body)


def _classify(
    path: str, status: int, retry_after: str | None, answer: bytes, token: str, request: bytes | None
) -> bytes | None:
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
            raise ProviderThrottled(path, why="answered", status=status, retry_after_s=wait_s)
        raise ProviderUnavailable(path, why="answered", status=status, retry_after_s=RETRY_WAIT_S)
    code, sentence = _refusal(answer)
    if status in {401, 403} and code not in AMOUNT_CODES:
        # Not the request but the credential is refused: another credential may be accepted.
        if code in LIVE_CREDENTIAL_CODES:
            raise LiveCredentialNeeded(path, why="credential", status=status)
        raise ProviderNotConnected(path, why="credential", status=status)
    if status == 409 and code in KEY_IN_USE_CODES:
        raise ProviderUnavailable(path, why="busy", retry_after_s=RETRY_AFTER_S)
    if 400 <= status < 500:
        # The reason may quote the request, and is recorded permanently.
        words = without_payer(sentence[:LONGEST_SENTENCE], request, token=token)[:200]
        raise ProviderRefused(path, why="answered", status=status, words=words, reason=code, http_status=status)
    raise ProviderMisunderstood(path, status=status)


def _seconds(text: str | None, default: float) -> float:
    try:
        seconds = float(text or "")
    except ValueError:
        return default
    return default if math.isnan(seconds) else min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


def _refusal(answer: bytes) -> tuple[str, str]:
    """Read code and sentence of an error body, which differs between Payments and Orders.

    `{"message", "error", "status", "cause": [{"code", …}]}` and `{"errors": [{"code", "message", …}]}`.
    """
    try:
        body = msgspec.json.decode(answer)
    except DECODE_ERRORS:
        body = None
    if not isinstance(body, dict):
        return "", "no reason given"
    listed = body.get("errors") or body.get("cause")
    first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
    return str(first.get("code") or ""), str(body.get("message") or first.get("message") or "no reason given")
