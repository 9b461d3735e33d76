"""Mercado Pago behind the port: Checkout Pro links, and how the attempts to pay them stand."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Context, Decimal, Inexact
from typing import TYPE_CHECKING, Any, Final

import structlog

from contracts.events import ChargeCreated
from extrato.domain.money import MAXIMUM_CENTAVOS, to_reais
from extrato.errors import ProviderMisunderstood, ProviderNotConnected, ProviderRefused
from extrato.providers.mercado_pago_client import SEARCH_LIMIT, MercadoPagoClient, read_payment
from extrato.providers.port import Observation, ObservedPage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from msgspec import Raw

    from extrato.ports import Credential
    from extrato.providers.port import ChargeRequest

CURRENCY: Final = "BRL"
TITLE_LENGTH: Final = 256

_logger = structlog.get_logger(component="mercado_pago")
MAX_REAIS: Final = Decimal(MAXIMUM_CENTAVOS).scaleb(-2)
CENTAVO: Final = Decimal("0.01")
EXACT: Final = Context(prec=28, traps=[Inexact])


class MercadoPago:
    """Checkout Pro preferences and the payments made on them."""

    name = "mercado_pago"
    needs_credential = True

    def __init__(self, client: MercadoPagoClient) -> None:
        self._client = client

    async def create_charge(self, request: ChargeRequest) -> ChargeCreated:
        """Make a preference. Mercado Pago does not recognise a repeated one, which is harmless: one is handed out."""
        if request.credential is None:
            msg = "Mercado Pago is not connected for this merchant."
            raise ProviderNotConnected(msg)
        preference = await self._client.create_preference(
            request.credential.access_token,
            preference_body(request),
            idempotency_key=request.bank_payment_id,
        )
        return ChargeCreated(
            charge_id=preference.id,
            checkout_url=preference.init_point,
            sandbox_url=preference.sandbox_init_point,
            pix_payload=None,
        )

    async def observe_attempt(self, attempt_id: str, credential: Credential) -> Observation | None:
        """`GET /v1/payments/{id}`."""
        if not (attempt_id.isascii() and attempt_id.isdigit()):
            msg = "A Mercado Pago payment id is a number."
            raise ProviderRefused(msg, attempt_id[:40])
        answer = await self._client.get_payment(credential.access_token, attempt_id)
        return None if answer is None else to_observation(answer)

    async def observe_reference(self, external_reference: str, credential: Credential) -> tuple[Observation, ...]:
        """Search by reference; the search index may lag behind by minutes."""
        query = {
            "external_reference": external_reference,
            "sort": "date_created",
            "criteria": "desc",
            "limit": str(SEARCH_LIMIT),
            "offset": "0",
        }
        found = await self._client.search_payments(credential.access_token, query)
        return tuple(to_observation(bytes(result)) for result in found.results)

    async def observe_changes(
        self, *, since: datetime, until: datetime, offset: int, credential: Credential
    ) -> ObservedPage:
        """Search by `date_last_updated`, the oldest change first."""
        query = {
            "range": "date_last_updated",
            "begin_date": _moment(since),
            "end_date": _moment(until),
            "sort": "date_last_updated",
            "criteria": "asc",
            "limit": str(SEARCH_LIMIT),
            "offset": str(offset),
        }
        found = await self._client.search_payments(credential.access_token, query)
        answers = len(found.results)
        is_last = not answers or offset + answers >= found.paging.total
        return ObservedPage(observations=_understood(found.results), answers=answers, is_last=is_last)


def _understood(results: Sequence[Raw]) -> tuple[Observation, ...]:
    """Translate what can be translated: an account has sales that are none of ours, of shapes we do not know."""
    observations = []
    for result in results:
        try:
            observations.append(to_observation(bytes(result)))
        except ProviderMisunderstood as error:
            _logger.warning("payment_not_understood", reason=error.message)
    return tuple(observations)


def preference_body(request: ChargeRequest) -> dict[str, Any]:
    """Write a Checkout Pro preference; amounts are JSON numbers in reais."""
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
        # Of the formats that Mercado Pago sends for one event, only the signed one (Webhooks documentation).
        "notification_url": f"{request.notification_url}?source_news=webhooks",
        "back_urls": dict.fromkeys(("success", "pending", "failure"), request.return_url),
        "metadata": {"payment_id": request.payment_id},
    }
    if request.return_url.startswith("https://"):
        # `auto_return` is refused for a return address that is not public (error invalid_auto_return).
        body["auto_return"] = "approved"
    if request.payer_email:
        body["payer"] = {"email": request.payer_email}
    if request.expires_at is not None:
        body["expires"] = True
        body["expiration_date_to"] = _moment(request.expires_at)
    return body


def to_observation(answer: bytes) -> Observation:
    """Translate the bytes of one payment; raises `ProviderMisunderstood`."""
    payment = read_payment(answer)
    observed_at = payment.date_last_updated or payment.date_created
    return Observation(
        attempt_id=str(payment.id),
        status=payment.status,
        status_detail=payment.status_detail,
        amount_centavos=_centavos(payment.transaction_amount),
        currency=payment.currency_id,
        external_reference=payment.external_reference,
        refunded_centavos=_centavos(payment.transaction_amount_refunded),
        observed_at=_with_offset(observed_at),
        paid_at=_with_offset(payment.date_approved) if payment.date_approved else None,
        payer_email=(payment.payer.email or None) if payment.payer else None,
        answer=answer,
    )


def _centavos(reais: Decimal) -> int:
    """Read an amount, zero included; one out of bounds is not computed with, for its exponent may be huge."""
    if not (reais.is_finite() and 0 <= reais <= MAX_REAIS):
        msg = "An amount is out of bounds."
        raise ProviderMisunderstood(msg, str(reais)[:40])
    try:
        return int(reais.quantize(CENTAVO, context=EXACT) * 100)
    except Inexact as error:
        msg = "An amount has more than two decimals."
        raise ProviderMisunderstood(msg, str(reais)[:40]) from error


def _with_offset(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        msg = "A time of Mercado Pago has no offset."
        raise ProviderMisunderstood(msg, moment.isoformat())
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        msg = "A time of Mercado Pago is out of bounds."
        raise ProviderMisunderstood(msg, moment.isoformat()) from error


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
