"""Examples of the main bodies, all about the same two payments."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from contracts import api, v1
from contracts.v1.problem import problem_title, problem_type

if TYPE_CHECKING:
    from msgspec import Struct

_BANK_PAYMENT_ID: Final = "00000000-000f-8000-8000-0123456789ab"
_CHECKOUT: Final = "https://www.mercadopago.com.br/checkout/v1/redirect?pref_id=174087000-5b1d0a9e"
_TOKEN: Final = "t=5d41402abc4b2a76b9719d911017c592"  # noqa: S105 - an invalid example
_PAYLOAD: Final = (
    "00020126710014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-4266554400000209Pedido 15"
    "520400005303986540535.005802BR5917Padaria do Marcos6009Sao Paulo"
    "6229052500000000000F80008000012346304CB80"
)
_LISTED: Final = api.ListedPayment(
    payment_id=16,
    mp_payment_id="143845679916",
    preference_id="174087000-5b1d0a9e",
    status="approved",
    status_label="Aprovado",
    amount=35.0,
    description="10x Pão Francês, 1x Bolo de Chocolate",
    checkout_url=_CHECKOUT,
    payer_email="cliente@example.com",
    paid_at="2026-01-12T10:30:00.000000-03:00",
    created_at="2026-01-12T10:00:00.000000-03:00",
    alerts=[],
)


def _page(url: str, payment_id: int) -> api.PaymentPage:
    return api.PaymentPage(
        url=f"http://localhost:8000/payments/{url}?{_TOKEN}",
        token=_TOKEN.removeprefix("t="),
        socket_url=f"ws://localhost:8000/ws?payment_id={payment_id}&{_TOKEN}",
    )


_PAYMENT: Final = v1.Payment(
    object="payment",
    id="15",
    merchant="padaria-do-marcos",
    method="pix",
    provider="pix",
    status="approved",
    status_detail="accredited",
    amount_centavos=3500,
    held_centavos=3500,
    refunded_centavos=0,
    disputed_centavos=0,
    fee_centavos=None,
    currency="BRL",
    reference="pedido-15",
    title="Pedido 15",
    description="Pedido 15",
    items=[v1.OrderItem(name="Pedido 15", quantity=1, unit_price_centavos=3500)],
    payer_email="cliente@example.com",
    metadata={"mesa": "7"},
    return_url="https://padaria.example.com/obrigado",
    charge_id="0000000000000F80008000012345678",
    bank_payment_id="00000000-0008-865f-b920-456ee5d7ae35",
    pix_code=_PAYLOAD,
    checkout_url=None,
    attempts=[
        v1.Attempt(
            object="attempt",
            id="E12345678202601121300a1b2c3d4e5f",
            status="approved",
            status_detail="accredited",
            amount_centavos=3500,
            held_centavos=3500,
            refunded_centavos=0,
            disputed_centavos=0,
            currency="BRL",
            paid_at=datetime(2026, 1, 12, 13, 10, tzinfo=UTC),
        )
    ],
    alerts=[],
    created_at=datetime(2026, 1, 12, 13, 0, tzinfo=UTC),
    updated_at=datetime(2026, 1, 12, 13, 10, 1, tzinfo=UTC),
    paid_at=datetime(2026, 1, 12, 13, 10, tzinfo=UTC),
    expires_at=datetime(2026, 1, 12, 13, 30, tzinfo=UTC),
    verified_at=None,
    next_check_at=None,
    live_mode=True,
    payment_page=_page("pix/15", 15),
)

_EXAMPLES: Final = (
    api.ForgettingWanted(payer="cliente@example.com", reason="payer_request"),
    api.HoldWanted(reason="litigation", until=datetime(2099, 1, 31, 3, 0, tzinfo=UTC)),
    api.PixCreated(
        message="The payment has been created.",
        payment=api.PixPayment(
            id=15,
            value=35.0,
            status="pending",
            expiration_date="2026-01-12T10:30:00.000000-03:00",
            bank_payment_id=_BANK_PAYMENT_ID,
            qr_code=f"qr_code_payment_{_BANK_PAYMENT_ID}",
            qr_code_url=f"http://localhost:8000/payments/pix/qr_code/qr_code_payment_{_BANK_PAYMENT_ID}",
            payload=_PAYLOAD,
            payment_url=f"http://localhost:8000/payments/pix/15?{_TOKEN}",
            padaria_slug="padaria-do-marcos",
            description="Pedido 15",
            created_at="2026-01-12T10:00:00.000000-03:00",
        ),
        payload=_PAYLOAD,
        payment_url=f"http://localhost:8000/payments/pix/15?{_TOKEN}",
        payment_page=_page("pix/15", 15),
    ),
    api.PixConfirmed(message="The payment has been confirmed."),
    api.PixError(message="The value differs from the charge; the payment was not confirmed.", code="wrong_amount"),
    api.LinkCreated(
        success=True,
        payment_id=16,
        preference_id="174087000-5b1d0a9e",
        checkout_url=_CHECKOUT,
        secure_checkout_url=f"http://localhost:8000/payments/mp/pay/16/?{_TOKEN}",
        status_check_url=f"http://localhost:8000/payments/api/check/16/?{_TOKEN}",
        sandbox_url=None,
        title="Pedido Padaria do Marcos",
        total=35.0,
        items=[
            api.PricedItem(nome="Pão Francês", quantidade=10, preco_unitario=0.5, subtotal=5.0),
            api.PricedItem(nome="Bolo de Chocolate", quantidade=1, preco_unitario=30.0, subtotal=30.0),
        ],
        description="10x Pão Francês, 1x Bolo de Chocolate",
        status="pending",
        external_reference="extrato_16_0123456789ab",
        created_at="2026-01-12T10:00:00.000000-03:00",
        payment_page=_page("mp/pay/16/", 16),
    ),
    api.PaymentStatus(
        success=True,
        payment_id=16,
        mp_payment_id="143845679916",
        preference_id="174087000-5b1d0a9e",
        external_reference="extrato_16_0123456789ab",
        status="approved",
        status_detail="accredited",
        status_label="Aprovado",
        amount=35.0,
        description="10x Pão Francês, 1x Bolo de Chocolate",
        checkout_url=_CHECKOUT,
        padaria_name="Padaria do Marcos",
        payer_email="cliente@example.com",
        paid_at="2026-01-12T10:30:00.000000-03:00",
        created_at="2026-01-12T10:00:00.000000-03:00",
        updated_at="2026-01-12T10:30:05.000000-03:00",
        synced=True,
        synced_at="2026-01-12T10:30:10.000000-03:00",
        status_changed=True,
        held_amount=35.0,
        refunded_amount=0.0,
        disputed_amount=0.0,
        attempts=[
            api.PaidAttempt(
                mp_payment_id="143845679916",
                status="approved",
                status_detail="accredited",
                amount=35.0,
                held_amount=35.0,
                refunded_amount=0.0,
                currency="BRL",
            )
        ],
        alerts=[],
    ),
    api.PaymentList(success=True, padaria="Padaria do Marcos", count=1, status_filter="approved", payments=[_LISTED]),
    api.Timeline(
        success=True,
        payment_id=16,
        count=1,
        events=[
            api.TimelineItem(
                position=4711,
                version=5,
                type="StatusChanged",
                time=datetime(2026, 1, 12, 13, 30, tzinfo=UTC),
                recorded_at=datetime(2026, 1, 12, 13, 30, 5, tzinfo=UTC),
                event_id="3f1c3b52-6a5f-4f0c-9d5a-1c2b3a4d5e6f",
                source="webhook",
                source_id="0b7c6f0e-2f4b-4a53-8d0e-6a1f2b3c4d5e",
                correlation_id="9f86d081884c7d659a2feaa0c55ad015",
                causation_id="0b7c6f0e-2f4b-4a53-8d0e-6a1f2b3c4d5e",
                data={
                    "previous": "pending",
                    "status": "approved",
                    "status_detail": "accredited",
                    "attempt_id": "143845679916",
                    "paid_at": "2026-01-12T13:30:00Z",
                },
            )
        ],
    ),
    api.MonitoringError(success=False, error="Pagamento 17 não encontrado", code="payment_not_found"),
    v1.MerchantChange(
        colour="#aa3300",
        document="11.444.777/0001-61",
        contact=v1.ContactChange(whatsapp="+55 11 98765-4321", email="loja@padaria.example"),
        return_origins=["https://loja.padaria.example"],
    ),
    v1.NewApiKey(name="Loja virtual", scopes=["payments:read", "payments:write"]),
    v1.Problem(
        type=problem_type("payment_not_found"),
        title=problem_title("payment_not_found"),
        status=404,
        detail="Payment 17 does not exist.",
        code="payment_not_found",
        correlation_id="9f86d081884c7d659a2feaa0c55ad015",
        errors=[],
    ),
    _PAYMENT,
    api.WebhookAccepted(success=True),
    api.Health(status="ok", checks={}),
    api.Readiness(
        status="degraded",
        checks={
            "database": api.ReadinessCheck(status="ok", reason=None),
            "bus": api.ReadinessCheck(status="unavailable", reason="NATS is not connected."),
        },
    ),
)

_REQUESTS: Final[dict[type[Struct], dict[str, Any]]] = {
    api.PixCreation: {"value": 35.0, "padaria_slug": "padaria-do-marcos", "description": "Pedido 15"},
    api.PixConfirmation: {"bank_payment_id": _BANK_PAYMENT_ID, "value": 35.0},
    api.PixReturn: {
        "return_id": "D12345678202601121035a1b2c3d4e5f",
        "amount": 35.0,
        "returned_at": "2026-01-12T10:35:00-03:00",
    },
    api.LinkCreation: {
        "padaria_slug": "padaria-do-marcos",
        "items": [
            {"nome": "Pão Francês", "quantidade": 10},
            {"nome": "Bolo de Chocolate", "quantidade": 1, "preco_unitario": 30.0},
        ],
        "payer_email": "cliente@example.com",
    },
    api.CartCreation: {
        "padaria_slug": "padaria-do-marcos",
        "items": [{"nome": "Pão Francês", "quantidade": 10}],
        "customer": {"email": "cliente@example.com"},
    },
    v1.PaymentCreation: {
        "method": "pix",
        "items": [
            {"name": "Pão Francês", "quantity": 10},
            {"name": "Bolo", "quantity": 1, "unit_price_centavos": 3000},
        ],
        "reference": "2041",
        "unique_reference": True,
        "payer": {"email": "cliente@example.com"},
        "metadata": {"mesa": "12"},
    },
    api.PadariaNamed: {"padaria_slug": "padaria-do-marcos"},
    api.RefundRequest: {"amount": 5.0, "reason": "Um bolo a menos"},
    v1.NoFields: {},
    v1.RefundCreation: {"amount_centavos": 500, "reason": "Um bolo a menos"},
    v1.AlertResolution: {"reason": "O cliente foi ressarcido no balcão"},
    api.AlertReason: {"reason": "O cliente foi ressarcido no balcão"},
    api.MerchantCreation: {"slug": "padaria-do-marcos", "name": "Padaria do Marcos", "city": "Sao Paulo"},
    api.MerchantNaming: {"name": "Padaria do Marcos"},
    api.PixKeyGiven: {"kind": "evp", "key": "123e4567-e12b-12d1-a456-426655440000"},
    api.CredentialGiven: {"access_token": "APP_USR-0000", "webhook_secret": "0123456789abcdef", "pix_api": "payments"},
    api.WebhookSecretGiven: {"webhook_secret": "0123456789abcdef"},
    api.PriceGiven: {"price": 0.5},
    api.ApiKeyWanted: {"scopes": ["payments:write", "payments:read"], "name": "balcão"},
}

EXAMPLES: Final[dict[type[Struct], dict[str, Any]]] = {
    **_REQUESTS,
    **{type(example): msgspec.to_builtins(example) for example in _EXAMPLES},
}
