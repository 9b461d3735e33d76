"""The rows of `merchants` after events of a merchant."""

import pytest

from contracts.events import ApiKeyIssued, PixKeyRemoved, ProductPriced, ProductWithdrawn, WebhookSecretRotated
from contracts.read_models import MerchantApiKey, MerchantConnection, MerchantPixKey, MerchantProfile
from services.projections.read_models.merchants import MERCHANTS
from tests.unit.projections.history import (
    CONNECTED,
    DISCONNECTED,
    KEY_ISSUED,
    KEY_REVOKED,
    PIX_KEY,
    PRICED,
    REGISTERED,
    RENAMED,
    ROTATED,
    WITHDRAWN,
    document_after,
    enveloped,
    opened,
)


def profile(*happened) -> MerchantProfile | None:
    return document_after(MERCHANTS, *happened, payment_id=None)


def test_registered_merchant_has_no_products():
    assert profile(REGISTERED) == MerchantProfile(
        slug="padaria-do-marcos",
        name="Padaria do Marcos",
        city="Curitiba",
        pix_key=None,
        connections=(),
        prices_centavos={},
        api_keys=(),
        version=1,
    )


def test_profile_shows_every_part():
    full = profile(REGISTERED, PIX_KEY, CONNECTED, PRICED, KEY_ISSUED)
    assert full.pix_key == MerchantPixKey(kind="email", key="marcos@example.com")
    assert full.connections == (MerchantConnection(provider="mercado_pago", account_id="1234", pix_api="payments"),)
    assert full.prices_centavos == {"café": 999}
    assert full.api_keys == (MerchantApiKey(key_id="key-1", scopes=("payments:write",), listed_prices_only=True),)
    assert full.version == 5


def test_later_price_replaces_the_price():
    raised = ProductPriced(name="café", price_centavos=1099)
    assert profile(REGISTERED, PRICED, raised).prices_centavos == {"café": 1099}


def test_product_name_is_normalised():
    combining = ProductPriced(name="cafe\u0301", price_centavos=1099)
    assert profile(REGISTERED, PRICED, combining).prices_centavos == {"café": 1099}
    assert profile(REGISTERED, combining, WITHDRAWN).prices_centavos == {}
    assert profile(REGISTERED, PRICED, ProductWithdrawn(name=combining.name)).prices_centavos == {}


def test_rotated_credential_keeps_the_account():
    expected = (MerchantConnection(provider="mercado_pago", account_id="1234", pix_api="orders"),)
    assert profile(REGISTERED, CONNECTED, ROTATED).connections == expected


def test_webhook_secret_changes_only_the_version():
    secret = WebhookSecretRotated(provider="mercado_pago", credential_digest="ad" * 32)
    before, after = profile(REGISTERED, CONNECTED), profile(REGISTERED, CONNECTED, secret)
    assert (after.connections, after.version) == (before.connections, 3)


def test_removed_parts_are_not_shown():
    everything = (REGISTERED, PIX_KEY, CONNECTED, PRICED, KEY_ISSUED)
    bare = profile(*everything, PixKeyRemoved(), DISCONNECTED, WITHDRAWN, KEY_REVOKED)
    assert (bare.pix_key, bare.connections, bare.prices_centavos, bare.api_keys) == (None, (), {}, ())


def test_renamed_merchant_has_its_new_name():
    assert profile(REGISTERED, RENAMED).name == "Padaria do Marcos e Filhos"


def test_profile_shows_no_digest_of_a_secret():
    document = profile(REGISTERED, CONNECTED, KEY_ISSUED)
    text = MERCHANTS.row(document, enveloped(KEY_ISSUED))[2]
    assert KEY_ISSUED.secret_digest not in text
    assert CONNECTED.credential_digest not in text


def test_key_issued_again_is_shown_once():
    narrower = ApiKeyIssued(key_id="key-1", secret_digest="ef" * 32, scopes=(), listed_prices_only=False, name=None)
    keys = profile(REGISTERED, KEY_ISSUED, narrower).api_keys
    assert keys == (MerchantApiKey(key_id="key-1", scopes=(), listed_prices_only=False),)


@pytest.mark.parametrize(
    "event", [PIX_KEY, CONNECTED, PRICED, KEY_ISSUED, KEY_REVOKED], ids=lambda event: type(event).__name__
)
def test_events_before_the_registration_have_no_effect(event):
    assert profile(event) is None


def test_payment_event_belongs_to_no_profile():
    assert MERCHANTS.key_of(enveloped(opened())) is None
    assert MERCHANTS.key_of(enveloped(PRICED, payment_id=None)) == "padaria-do-marcos"


def test_row_is_read_back_unchanged():
    document = profile(REGISTERED, PIX_KEY, CONNECTED, PRICED, KEY_ISSUED)
    slug, version, text = MERCHANTS.row(document, enveloped(PRICED))
    assert (slug, version) == ("padaria-do-marcos", 5)
    assert MERCHANTS.read({"slug": slug, "document": text}) == (slug, document)
