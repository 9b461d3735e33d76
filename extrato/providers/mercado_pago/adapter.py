"""The port for Mercado Pago: Checkout Pro links, Pix charges, and the attempts to pay them.

The Payments API or the Orders API creates a Pix. The first often refuses test users; if it requires a live credential,
the adapter asks the second. An order's money is a payment too: it has the ordinary payment id in searches and
notifications.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import structlog
from msgspec.structs import replace

from contracts.events import ChargeCreated
from contracts.providers import MERCADO_PAGO
from extrato.domain.money import CURRENCY, to_reais
from extrato.errors import ProviderMisunderstood, ProviderNotConnected, ProviderRefused, ProviderUnavailable
from extrato.providers.mercado_pago import orders
from extrato.providers.mercado_pago.client import SEARCH_LIMIT, LiveCredentialNeeded, MercadoPagoClient
from extrato.providers.mercado_pago.formats import (
    centavos,
    in_utc,
    missing_code_error,
    moment,
    payer_body,
    payer_of,
    phone_body,
    refund_state,
)
from extrato.providers.mercado_pago.shapes import OrderRefunded, Payment, Refund, read
from extrato.providers.port import Observation, ObservedPage, RefundSeen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from msgspec import Raw

    from extrato.providers.port import ChargeRequest, RefundRequest
    from extrato.values import Credential

MIN_PIX_LIFETIME: Final = timedelta(minutes=30)
# Codes for an action that the state of a payment or order does not allow (Payments 2018 and 2063; Orders' words).
STATE_CODES: Final = frozenset({"2018", "2063", "cannot_cancel_order", "order_already_canceled"})
TITLE_LENGTH: Final = 256
# How much later than requested a preference may close: Mercado Pago's answer has no fractions of a second.
CLOSING_TOLERANCE: Final = timedelta(seconds=2)

_logger = structlog.get_logger(component="mercado_pago")


class MercadoPago:
    """Checkout Pro preferences, Pix charges, and the payments made on them."""

    name = MERCADO_PAGO

    def __init__(self, client: MercadoPagoClient) -> None:
        self._client = client

    async def account_of(self, access_token: str) -> str:
        """`GET /users/me`: the `user_id` that notifications carry as well."""
        return await self._client.get_own_account(access_token)

    async def create_charge(self, request: ChargeRequest) -> ChargeCreated:
        """Create a preference or a Pix."""
        if request.credential is None:
            raise ProviderNotConnected
        charge = await self._create(request, request.credential)
        return replace(charge, account_id=request.credential.account_id)

    async def _create(self, request: ChargeRequest, credential: Credential) -> ChargeCreated:
        token = credential.access_token
        if request.method == "checkout":
            return await self._create_preference(request, token)
        if credential.pix_api == "orders":
            return await self._create_order(request, token)
        try:
            return await self._create_pix(request, token)
        except LiveCredentialNeeded:
            return await self._create_order(request, token)

    async def _create_preference(self, request: ChargeRequest, token: str) -> ChargeCreated:
        """Create a preference. A repeated request creates another one, which is harmless: the hub uses only one."""
        preference = await self._client.create_preference(
            token, preference_body(request), idempotency_key=request.bank_payment_id
        )
        return ChargeCreated(
            charge_id=preference.id,
            attempt_id=None,
            account_id=None,
            checkout_url=preference.init_point,
            sandbox_url=preference.sandbox_init_point,
            pix_payload=None,
        )

    async def _create_pix(self, request: ChargeRequest, token: str) -> ChargeCreated:
        payment = await self._client.create_pix(token, pix_body(request), idempotency_key=request.bank_payment_id)
        code = payment.point_of_interaction.transaction_data if payment.point_of_interaction else None
        if code is None or not code.qr_code:
            raise missing_code_error(str(payment.id), payment.status, payment.status_detail)
        return ChargeCreated(
            charge_id=str(payment.id),
            attempt_id=str(payment.id),
            account_id=None,
            checkout_url=code.ticket_url,
            sandbox_url=None,
            pix_payload=code.qr_code,
        )

    async def _create_order(self, request: ChargeRequest, token: str) -> ChargeCreated:
        order = await self._client.create_order(
            token, orders.order_body(request), idempotency_key=request.bank_payment_id
        )
        return orders.to_charge(order)

    async def observe_attempt(self, attempt_id: str, credential: Credential) -> Observation | None:
        """`GET /v1/payments/{id}`, or `GET /v1/orders/{id}` for the id of an order."""
        if orders.is_order_id(attempt_id):
            order = await self._client.get_order(credential.access_token, attempt_id)
            return None if order is None else orders.to_observation(order)
        if not (attempt_id.isascii() and attempt_id.isdigit()):
            raise ProviderRefused(attempt_id[:40], why="not_a_number")
        answer = await self._client.get_payment(credential.access_token, attempt_id)
        return None if answer is None else to_observation(answer)

    async def observe_charge(self, charge: ChargeCreated, credential: Credential) -> Observation | None:
        """Request the payment, and the order only if the payment is not available.

        The two can differ: an order does not show a mediation.
        """
        seen = None
        if charge.attempt_id is not None and not orders.is_order_id(charge.attempt_id):
            with contextlib.suppress(LiveCredentialNeeded):
                seen = await self.observe_attempt(charge.attempt_id, credential)
        return seen or await self.observe_attempt(charge.charge_id, credential)

    async def reference_of(self, kind: str, resource_id: str, credential: Credential) -> str | None:
        """Request the order or merchant order that a notification names."""
        if kind == "order" and orders.is_order_id(resource_id):
            answer = await self._client.get_order(credential.access_token, resource_id)
            return None if answer is None else orders.read_order(answer).external_reference or ""
        if kind == "topic_merchant_order_wh" and resource_id.isdigit():
            order = await self._client.get_merchant_order(credential.access_token, resource_id)
            return None if order is None else order.external_reference or ""
        return ""

    async def cancel_charge(
        self, charge: ChargeCreated, attempts: Sequence[str], *, at: datetime, credential: Credential
    ) -> None:
        """Close the preference or cancel the order, and cancel payments; an ended one stays unchanged."""
        token = credential.access_token
        if orders.is_order_id(charge.charge_id):
            # A new key each time: the answer to an earlier cancellation may be outdated.
            key = f"cancel-{at.timestamp():.0f}-{charge.charge_id}"
            await _if_still_possible(self._client.cancel_order(token, charge.charge_id, idempotency_key=key))
            return
        if charge.attempt_id is None:
            # Close the preference first, so that no attempt begins in between.
            await self._close_preference(charge.charge_id, at=at, token=token)
        for attempt_id in {*attempts, charge.attempt_id} - {None}:
            await _if_still_possible(self._client.cancel_payment(token, attempt_id or ""))

    async def _close_preference(self, preference_id: str, *, at: datetime, token: str) -> None:
        """Close the preference and check the answer, because Mercado Pago ignores some changes silently."""
        closed = await self._client.close_preference(token, preference_id, at=moment(at))
        until = closed.expiration_date_to
        if not closed.expires or until is None or in_utc(until) > at + CLOSING_TOLERANCE:
            raise ProviderUnavailable(preference_id, why="preference_open")

    async def refund_attempt(self, request: RefundRequest, credential: Credential) -> RefundSeen | None:
        """`POST /v1/payments/{id}/refunds`, or `POST /v1/orders/{id}/refund` where an order made the charge."""
        token = credential.access_token
        if orders.is_order_id(request.charge.charge_id):
            return await self._refund_order(request, token)
        # The request always has an amount: without one Mercado Pago refunds the whole rest.
        body = {"amount": to_reais(request.amount_centavos)}
        answer = await self._client.refund_payment(token, request.attempt_id, body, idempotency_key=request.refund_id)
        try:
            return _refund_seen(read(answer, Refund)) if answer else None
        except ProviderMisunderstood:
            return None

    async def observe_refunds(
        self, charge: ChargeCreated, attempt_id: str, credential: Credential
    ) -> tuple[RefundSeen, ...]:
        """`GET /v1/payments/{id}/refunds`, or the refunds in `GET /v1/orders/{id}`."""
        token = credential.access_token
        if not orders.is_order_id(charge.charge_id):
            return tuple(map(_refund_seen, await self._client.get_refunds(token, attempt_id)))
        answer = await self._client.get_order(token, charge.charge_id)
        refunds = orders.read_order(answer).transactions.refunds if answer else []
        return tuple(map(_refund_seen, refunds))

    async def _refund_order(self, request: RefundRequest, token: str) -> RefundSeen | None:
        """Refund an order. The answer lists all refunds, and does not say which one is new."""
        order_id = request.charge.charge_id
        answer = await self._client.get_order(token, order_id)
        if answer is None:
            raise ProviderRefused(order_id, why="unknown_order")
        body = orders.refund_body(orders.read_order(answer), request.amount_centavos)
        written = await self._client.refund_order(token, order_id, body, idempotency_key=request.refund_id)
        try:
            shown = [_refund_seen(each) for each in read(written, OrderRefunded).transactions.refunds]
        except ProviderMisunderstood:
            return None
        known = request.known_refunds
        new = [
            seen
            for seen in shown
            if seen.amount_centavos == request.amount_centavos
            and known is not None
            and seen.refund_id is not None
            and seen.refund_id not in known
        ]
        return new[0] if len(new) == 1 else None

    async def observe_reference(self, external_reference: str, credential: Credential) -> ObservedPage:
        """Search by reference; the search index may lag behind by minutes."""
        query = {
            "external_reference": external_reference,
            "sort": "date_created",
            "criteria": "desc",
            "limit": str(SEARCH_LIMIT),
            "offset": "0",
        }
        found = await self._client.search_payments(credential.access_token, query)
        return ObservedPage(observations=_understood(found.results), answers=len(found.results), is_last=True)

    async def observe_changes(
        self, *, since: datetime, until: datetime, offset: int, credential: Credential
    ) -> ObservedPage:
        """Search by `date_last_updated`, the oldest change first."""
        query = {
            "range": "date_last_updated",
            "begin_date": moment(since),
            "end_date": moment(until),
            "sort": "date_last_updated",
            "criteria": "asc",
            "limit": str(SEARCH_LIMIT),
            "offset": str(offset),
        }
        found = await self._client.search_payments(credential.access_token, query)
        answers = len(found.results)
        is_last = not answers or offset + answers >= found.paging.total
        return ObservedPage(observations=_understood(found.results), answers=answers, is_last=is_last)


async def _if_still_possible(cancelling: Awaitable[None]) -> None:
    """Cancel a resource; a refusal because of its state is no failure: the next observation shows that state."""
    try:
        await cancelling
    except ProviderRefused as error:
        if error.reason not in STATE_CODES:
            raise


def _refund_seen(refund: Refund) -> RefundSeen:
    return RefundSeen(
        refund_id=None if refund.id is None else str(refund.id),
        amount_centavos=centavos(refund.amount),
        state=refund_state(refund.status),
        asked_at=in_utc(refund.date_created) if refund.date_created else None,
    )


def _understood(results: Sequence[Raw]) -> tuple[Observation, ...]:
    """Translate the readable results: an account also has foreign sales, whose shapes the hub may not know."""
    observations = []
    for result in results:
        try:
            observations.append(to_observation(bytes(result)))
        except ProviderMisunderstood as error:
            _logger.warning("payment_not_understood", reason=error.message)
    return tuple(observations)


def preference_body(request: ChargeRequest) -> dict[str, Any]:
    """Return the body of a Checkout Pro preference; amounts are JSON numbers in reais."""
    body: dict[str, Any] = {
        "items": [
            {
                "id": str(number),
                "title": item.name[:TITLE_LENGTH],
                "quantity": item.quantity,
                "unit_price": to_reais(item.unit_price_centavos),
                "currency_id": CURRENCY,
            }
            for number, item in enumerate(request.items, start=1)
        ],
        "external_reference": request.external_reference,
        # Mercado Pago has several formats for one event; this requests only the signed one (Webhooks documentation).
        "notification_url": f"{request.notification_url}?source_news=webhooks",
        "back_urls": dict.fromkeys(("success", "pending", "failure"), request.return_url),
        "metadata": {"payment_id": request.payment_id},
    }
    if request.return_url.startswith("https://"):
        # Mercado Pago refuses `auto_return` for a return URL that is not public (error invalid_auto_return).
        body["auto_return"] = "approved"
    if request.payer.email:
        body["payer"] = {"email": request.payer.email}
    if request.expires_at is not None:
        body["expires"] = True
        body["expiration_date_to"] = moment(request.expires_at)
    return body


def pix_body(request: ChargeRequest) -> dict[str, Any]:
    """Return the body of `POST /v1/payments`; the amount is a JSON number in reais."""
    body: dict[str, Any] = {
        "transaction_amount": to_reais(request.amount_centavos),
        "payment_method_id": "pix",
        "description": request.description[:TITLE_LENGTH],
        "external_reference": request.external_reference,
        "notification_url": f"{request.notification_url}?source_news=webhooks",
        "payer": payer_body(request),
        "metadata": {"payment_id": request.payment_id},
    }
    if request.payer.phone:
        # A payment's payer has no field for a telephone; additional data goes here.
        body["additional_info"] = {"payer": {"phone": phone_body(request.payer.phone)}}
    if request.expires_at is not None:
        # Mercado Pago rejects an expiry of less than half an hour after the request. The expiry is in whole minutes
        # after the opening, so that a soon repeated request has the same body under the same key.
        minutes = (request.asked_at - request.opened_at) // timedelta(minutes=1) + 1
        expires_at = max(request.expires_at, request.opened_at + MIN_PIX_LIFETIME + timedelta(minutes=minutes))
        body["date_of_expiration"] = expires_at.astimezone(UTC).isoformat(timespec="milliseconds")
    return body


def to_observation(answer: bytes) -> Observation:
    """Translate the bytes of one payment; raises `ProviderMisunderstood` for an unknown shape."""
    payment = read(answer, Payment)
    observed_at = payment.date_last_updated or payment.date_created
    return Observation(
        attempt_id=str(payment.id),
        status=payment.status,
        status_detail=payment.status_detail,
        amount_centavos=centavos(payment.transaction_amount),
        currency=payment.currency_id,
        external_reference=payment.external_reference,
        refunded_centavos=centavos(payment.transaction_amount_refunded or Decimal(0)),
        observed_at=in_utc(observed_at),
        paid_at=in_utc(payment.date_approved) if payment.date_approved else None,
        payer=payer_of(payment.payer),
        answer=answer,
    )
