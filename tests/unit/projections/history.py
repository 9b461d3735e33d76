"""Events with their envelopes, for tests of read models."""

from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID, uuid5

from contracts import events
from contracts.envelope import Cause, Envelope

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MERCHANT = "padaria-do-marcos"
PAYMENT_ID = 15

_NAMESPACE = UUID("9d5c7e0a-55b5-4f6c-9b49-d7e0a7a0c001")


def stream_of(key: int | str) -> UUID:
    return uuid5(_NAMESPACE, str(key))


def recorded_at(position: int) -> datetime:
    return NOON + timedelta(seconds=position)


def enveloped(event, *, position=1, version=None, payment_id=PAYMENT_ID, merchant=MERCHANT) -> Envelope:
    return Envelope(
        event_id=uuid5(_NAMESPACE, f"event {position}"),
        stream_id=stream_of(payment_id or merchant),
        version=version or position,
        position=position,
        merchant=merchant,
        payment_id=payment_id,
        occurred_at=NOON,
        recorded_at=recorded_at(position),
        cause=Cause(correlation_id="request-1", actor="api_key", actor_id="key-1", causation_id="cause-1"),
        event=event,
    )


def document_after(read_model, *happened, payment_id=PAYMENT_ID):
    """Return the document after events at positions 1, 2, …"""
    document = None
    for position, event in zip(count(1), happened, strict=False):
        document = read_model.evolve(document, enveloped(event, position=position, payment_id=payment_id))
    return document


def opened(**changes) -> events.PaymentOpened:
    intent = {
        "provider": "mercado_pago",
        "method": "checkout",
        "amount_centavos": 2599,
        "currency": "BRL",
        "title": "Pedido 15",
        "description": "Pão de queijo e café",
        "items": (events.Item("pão de queijo", 2, 800), events.Item("café", 1, 999)),
        "external_reference": "extrato_15_0123456789ab",
        "bank_payment_id": "00000000-000f-8000-8000-0123456789ab",
        "payer_email": None,
        "expires_at": NOON + timedelta(hours=1),
        "charge": None,
        "reference": None,
        "unique_reference": False,
        "metadata": None,
        "return_url": None,
    }
    return events.PaymentOpened(**{**intent, **changes})


CHARGED = events.ChargeCreated(
    attempt_id=None,
    account_id=None,
    charge_id="preference-15",
    checkout_url="https://pay.example/15",
    sandbox_url="https://sandbox.example/15",
    pix_payload="00020126",
)
CHARGE_REFUSED = events.ChargeRefused(code="invalid_items", reason="The provider does not sell this.")
WATCHED = events.WatchStarted(watch_until=NOON + timedelta(minutes=15))
EXPIRED = events.PaymentExpired(expires_at=NOON + timedelta(hours=1))


def observed(
    status,
    *,
    attempt="a1",
    detail=None,
    amount=2599,
    currency="BRL",
    refunded=0,
    email=None,
    paid_at=None,
    minute=0,
) -> events.ObservationRecorded:
    return events.ObservationRecorded(
        attempt_id=attempt,
        status=status,
        status_detail=detail,
        amount_centavos=amount,
        currency=currency,
        refunded_centavos=refunded,
        observed_at=NOON + timedelta(minutes=minute),
        paid_at=paid_at,
        payer_email=email,
        evidence=None,
    )


def moved(status, *, attempt="a1", detail=None, paid_at=None) -> events.StatusChanged:
    return events.StatusChanged(
        previous="pending", status=status, status_detail=detail, attempt_id=attempt, paid_at=paid_at
    )


REFUND = events.RefundRequested(
    refund_id="r1",
    wish_id="w1",
    attempt_id="a1",
    amount_centavos=100,
    is_all=False,
    reason=None,
    requested_at=NOON,
    known_refunds=None,
)
REFUND_ACCEPTED = events.RefundAccepted(refund_id="r1", provider_refund_id="900")
REFUND_MADE = events.RefundMade(refund_id="r1", provider_refund_id="900", made_at=NOON + timedelta(minutes=5))
LATE = events.LatePaymentReceived(attempt_id="E1", amount_centavos=2599, received_at=NOON, paid_at=NOON, evidence=None)
RETURNED = events.PixReturned(return_id="D1", attempt_id="E1", amount_centavos=2599, returned_at=NOON)

REGISTERED = events.MerchantRegistered(slug=MERCHANT, name="Padaria do Marcos", city="Curitiba")
PIX_KEY = events.PixKeySet(kind="email", key="marcos@example.com")
RENAMED = events.MerchantRenamed(name="Padaria do Marcos e Filhos", city="Curitiba")
CONNECTED = events.ProviderConnected(
    provider="mercado_pago", account_id="1234", credential_digest="ab" * 32, pix_api="payments"
)
ROTATED = events.ProviderCredentialRotated(provider="mercado_pago", credential_digest="ac" * 32, pix_api="orders")
DISCONNECTED = events.ProviderDisconnected(provider="mercado_pago")
PRICED = events.ProductPriced(name="café", price_centavos=999)
WITHDRAWN = events.ProductWithdrawn(name="café")
KEY_ISSUED = events.ApiKeyIssued(
    key_id="key-1",
    secret_digest="cd" * 32,
    scopes=("payments:write",),
    listed_prices_only=True,
    name=None,
)
KEY_REVOKED = events.ApiKeyRevoked(key_id="key-1")

ONE_OF_EACH = (
    opened(),
    CHARGED,
    CHARGE_REFUSED,
    observed("pending"),
    events.ObservationIgnored(
        attempt_id="a1",
        status="pending",
        status_detail=None,
        observed_at=NOON,
        ignored_at=NOON,
        reason="stale",
        evidence=None,
    ),
    events.ObservationMismatched(
        attempt_id="a1",
        field="amount_centavos",
        expected="2599",
        observed="1",
        status="approved",
        observed_at=NOON,
        evidence=None,
    ),
    moved("approved"),
    events.DuplicatePaymentObserved(attempt_id="a2", already_paid_by="a1", amount_centavos=2599),
    EXPIRED,
    LATE,
    events.TransferNamed(end_to_end_id="E1"),
    events.MoneyAccepted(amount_centavos=2599),
    RETURNED,
    events.ConfirmationRefused(expected_centavos=2599, received_centavos=1),
    events.CancellationRequested(),
    events.CancellationRefused(code="payment_already_paid", reason="The payment was paid meanwhile."),
    events.PaymentCancelled(),
    REFUND,
    REFUND_ACCEPTED,
    REFUND_MADE,
    events.RefundRefused(refund_id="r1", code="provider_refused", reason="no"),
    events.RefundReversed(attempt_id="a1", before_centavos=100, after_centavos=0, observed_at=NOON),
    events.PaymentReopened(
        provider="mercado_pago",
        external_reference="extrato_15_abc",
        own_attempt_id=None,
        unsettled_attempts=(),
        expires_at=None,
    ),
    events.AlertRaised(alert="partially_paid", occurrence="a1"),
    events.AlertEnded(alert="partially_paid"),
    events.AlertResolved(alert="duplicate_payment", reason="devolvido no caixa"),
    WATCHED,
    events.PayerForgotten(reason="payer_request", requested_by="api_key/a1b2c3d4", requested_at=NOON),
    events.PaymentHeld(reason="litigation", until=None),
    events.PaymentReleased(),
    events.TextHidden(),
    REGISTERED,
    RENAMED,
    events.MerchantProfileChanged(colour="#aa3300", document=None, phone=None, whatsapp=None, email=None),
    events.MerchantLogoSet(digest="67" * 32, media_type="image/png", width=512, height=256),
    events.MerchantLogoRemoved(),
    events.MerchantOriginsSet(return_origins=("https://loja.example",), frame_origins=()),
    PIX_KEY,
    events.PixKeyRemoved(),
    CONNECTED,
    ROTATED,
    events.WebhookSecretRotated(provider="mercado_pago", credential_digest="ad" * 32),
    DISCONNECTED,
    events.WebhooksFailing(provider="mercado_pago", reason="not_received", since=NOON, missed=3, changes=3),
    events.WebhooksRecovered(provider="mercado_pago", failing_since=NOON, recovered_at=NOON, missed=3),
    PRICED,
    WITHDRAWN,
    KEY_ISSUED,
    KEY_REVOKED,
    events.IdempotencyKeyUsed(request_digest="ef" * 32, opened_payment_id=15),
    events.ReferenceTaken(reference="pedido-15", payment_id=15, previous_payment_id=None),
)
AFTER_THE_OPENING = tuple(event for event in ONE_OF_EACH[1:] if isinstance(event, events.PAYMENT_EVENTS))
