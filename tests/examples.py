"""One example of every event, for tests that need all kinds of events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec.structs import replace

from contracts import events
from extrato.domain.payment.identifiers import external_reference
from extrato.domain.payment.state import requested
from extrato.use_cases.payments import LoadedPayment

NOON: Final = datetime(2026, 1, 12, 15, 0, tzinfo=UTC)
CREATED: Final = NOON - timedelta(minutes=30)

EXAMPLE_EVENTS: Final[tuple[events.Event, ...]] = (
    events.PaymentOpened(
        provider="mercado_pago",
        method="checkout",
        amount_centavos=3500,
        currency="BRL",
        title="Pedido Padaria do Marcos",
        description="10x Pão Francês, 1x Bolo de Chocolate",
        items=(
            events.Item("Pão Francês", quantity=10, unit_price_centavos=50),
            events.Item("Bolo de Chocolate", quantity=1, unit_price_centavos=3000),
        ),
        external_reference="extrato_15_0123456789ab",
        bank_payment_id="00000000-000f-8000-8000-0123456789ab",
        payer_email="cliente@example.com",
        expires_at=CREATED + timedelta(hours=24),
        charge=None,
        reference="pedido-2041",
        unique_reference=True,
        metadata="s1.sealed",
        return_url="https://loja.example/pedidos/2041",
    ),
    events.ChargeCreated(
        charge_id="174087000-5b1d0a9e-1f7c-4b5c-9b0e-6f1d2c3b4a59",
        attempt_id=None,
        account_id="174087000",
        checkout_url="https://www.mercadopago.com.br/checkout/v1/redirect?pref_id=174087000-5b1d0a9e",
        sandbox_url="https://sandbox.mercadopago.com.br/checkout/v1/redirect?pref_id=174087000-5b1d0a9e",
        pix_payload=None,
    ),
    events.ChargeRefused(code="provider_refused", reason="Mercado Pago answered 400: unit_price invalid."),
    events.ObservationRecorded(
        attempt_id="143845679916",
        status="approved",
        status_detail="accredited",
        amount_centavos=3500,
        currency="BRL",
        refunded_centavos=0,
        observed_at=NOON,
        paid_at=NOON,
        payer_email="cliente@example.com",
        evidence="ab" * 32,
    ),
    events.ObservationIgnored(
        attempt_id="143845679916",
        status="pending",
        status_detail="pending_waiting_transfer",
        observed_at=CREATED,
        ignored_at=NOON,
        reason="stale",
        evidence="cd" * 32,
    ),
    events.ObservationMismatched(
        attempt_id="143845679916",
        field="external_reference",
        expected="extrato_15_0123456789ab",
        observed="extrato_16_0123456789ab",
        status="approved",
        observed_at=NOON,
        evidence="ef" * 32,
    ),
    events.StatusChanged(
        previous="pending",
        status="approved",
        status_detail="accredited",
        attempt_id="143845679916",
        paid_at=NOON,
    ),
    events.DuplicatePaymentObserved(attempt_id="143845679917", already_paid_by="143845679916", amount_centavos=3500),
    events.PaymentExpired(expires_at=NOON),
    events.LatePaymentReceived(
        attempt_id="E00000000202601202103abcdefghijk",
        amount_centavos=3500,
        received_at=NOON,
        paid_at=NOON,
        evidence="ef" * 32,
    ),
    events.TransferNamed(end_to_end_id="E00000000202601202103abcdefghijk"),
    events.MoneyAccepted(amount_centavos=3500),
    events.PixReturned(
        return_id="D00000000202601202103abcdefghijk",
        attempt_id="E00000000202601202103abcdefghijk",
        amount_centavos=3500,
        returned_at=NOON,
    ),
    events.ConfirmationRefused(expected_centavos=3500, received_centavos=3400),
    events.CancellationRequested(),
    events.CancellationRefused(code="payment_already_paid", reason="The payment was paid meanwhile."),
    events.PaymentCancelled(),
    events.RefundRequested(
        refund_id="4b0c1c3e-5a7d-4b8c-9a55-7b2f1f0f4c11",
        wish_id="9f0d2b4e-1c3a-4d5e-8f70-a1b2c3d4e5f6",
        attempt_id="143845679916",
        amount_centavos=500,
        is_all=False,
        reason="desistência",
        requested_at=NOON,
        known_refunds=("3269584999",),
    ),
    events.RefundAccepted(refund_id="4b0c1c3e-5a7d-4b8c-9a55-7b2f1f0f4c11", provider_refund_id="3269585000"),
    events.RefundMade(refund_id="4b0c1c3e-5a7d-4b8c-9a55-7b2f1f0f4c11", provider_refund_id="3269585000", made_at=NOON),
    events.RefundRefused(
        refund_id="4b0c1c3e-5a7d-4b8c-9a55-7b2f1f0f4c11",
        code="provider_refused",
        reason="Mercado Pago answered 400: The action requested is not valid for the current payment state",
    ),
    events.RefundReversed(attempt_id="143845679916", before_centavos=500, after_centavos=0, observed_at=NOON),
    events.PaymentReopened(
        provider="mercado_pago",
        external_reference="extrato_15_0123456789ab",
        own_attempt_id=None,
        unsettled_attempts=("143845679916",),
        expires_at=NOON,
    ),
    events.AlertRaised(alert="partially_paid", occurrence="143845679916"),
    events.AlertEnded(alert="partially_paid"),
    events.AlertResolved(alert="duplicate_payment", reason="devolvido no caixa"),
    events.WatchStarted(watch_until=NOON + timedelta(minutes=10)),
    events.PayerForgotten(reason="payer_request", requested_by="api_key/a1b2c3d4", requested_at=NOON),
    events.PaymentHeld(reason="litigation", until=NOON + timedelta(days=365)),
    events.PaymentReleased(),
    events.TextHidden(),
    events.MerchantRegistered(slug="padaria-do-marcos", name="Padaria do Marcos", city="São Paulo"),
    events.MerchantRenamed(name="Padaria do Marcos e Filhos", city="São Paulo"),
    events.MerchantProfileChanged(
        colour="#aa3300", document="11444777000161", phone="+551133334444", whatsapp=None, email="loja@padaria.example"
    ),
    events.MerchantLogoSet(digest="67" * 32, media_type="image/png", width=512, height=256),
    events.MerchantLogoRemoved(),
    events.MerchantOriginsSet(
        return_origins=("https://loja.padaria.example",), frame_origins=("https://www.padaria.example",)
    ),
    events.PixKeySet(kind="evp", key="123e4567-e12b-12d1-a456-426655440000"),
    events.PixKeyRemoved(),
    events.ProviderConnected(
        provider="mercado_pago", account_id="174087000", credential_digest="01" * 32, pix_api="payments"
    ),
    events.ProviderCredentialRotated(provider="mercado_pago", credential_digest="02" * 32, pix_api="orders"),
    events.WebhookSecretRotated(provider="mercado_pago", credential_digest="03" * 32),
    events.ProviderDisconnected(provider="mercado_pago"),
    events.WebhooksFailing(provider="mercado_pago", reason="not_received", since=NOON, missed=3, changes=3),
    events.WebhooksRecovered(
        provider="mercado_pago", failing_since=NOON, recovered_at=NOON + timedelta(hours=1), missed=9
    ),
    events.ProductPriced(name="Pão Francês", price_centavos=50),
    events.ProductWithdrawn(name="Pão Francês"),
    events.ApiKeyIssued(
        key_id="a1b2c3d4",
        secret_digest="23" * 32,
        scopes=("payments:read", "payments:write"),
        listed_prices_only=True,
        name="Caixa 2",
    ),
    events.ApiKeyRevoked(key_id="a1b2c3d4"),
    events.IdempotencyKeyUsed(request_digest="45" * 32, opened_payment_id=15),
    events.ReferenceTaken(reference="pedido-2041", payment_id=15, previous_payment_id=14),
)

# A payment that has its charge when it is opened; the first example gets its charge later.
DIRECT_PIX: Final = replace(
    EXAMPLE_EVENTS[0],
    provider="pix",
    method="pix",
    charge=events.ChargeCreated(
        charge_id="00000000000F800080000123A",
        attempt_id=None,
        account_id=None,
        checkout_url=None,
        sandbox_url=None,
        pix_payload="00020126",
    ),
)


def loaded_payment(
    payment_id: int = 15, *, bank_payment_id: str = "00000000-000f-8000-8000-0123456789ab", position: int = 1
) -> LoadedPayment:
    """A payment with one event, `PaymentOpened`, at `position`."""
    opened = EXAMPLE_EVENTS[0]
    assert isinstance(opened, events.PaymentOpened)
    intent = replace(
        opened,
        bank_payment_id=bank_payment_id,
        external_reference=external_reference(payment_id, bank_payment_id),
        charge=None,
    )
    return LoadedPayment(
        payment_id=payment_id,
        merchant="padaria-do-marcos",
        payment=requested(intent),
        opened_at=CREATED,
        opened_position=position,
        updated_at=CREATED,
        version=1,
        position=position,
    )
