"""What `merchants` makes of the events of a merchant."""

import pytest

from contracts.events import ApiKeyIssued, ProductPriced
from contracts.read_models import MerchantApiKey, MerchantProfile
from services.projections.read_models.merchants import MERCHANTS
from tests.unit.projections.history import (
    CONNECTED,
    KEY_ISSUED,
    PIX_KEY,
    PRICED,
    REGISTERED,
    enveloped,
    opened,
    told,
)


def profile(*happened) -> MerchantProfile | None:
    return told(MERCHANTS, *happened, payment_id=None)


def test_a_registered_merchant_sells_nothing_yet():
    assert profile(REGISTERED) == MerchantProfile(
        slug="padaria-do-marcos",
        name="Padaria do Marcos",
        city="Curitiba",
        pix_key=None,
        providers=(),
        prices_centavos={},
        api_keys=(),
        version=1,
    )


def test_everything_a_merchant_has_is_told():
    full = profile(REGISTERED, PIX_KEY, CONNECTED, PRICED, KEY_ISSUED)
    assert (full.pix_key, full.providers) == ("marcos@example.com", ("mercado_pago",))
    assert full.prices_centavos == {"café": 999}
    assert full.api_keys == (MerchantApiKey(key_id="key-1", secret_digest="cd" * 32, scopes=("payments:write",)),)
    assert full.version == 5


def test_a_price_is_replaced():
    raised = ProductPriced(name="café", price_centavos=1099)
    assert profile(REGISTERED, PRICED, raised).prices_centavos == {"café": 1099}


def test_a_provider_that_is_connected_again_is_told_once():
    assert profile(REGISTERED, CONNECTED, CONNECTED).providers == ("mercado_pago",)


def test_a_key_that_is_issued_again_is_told_once():
    narrower = ApiKeyIssued(key_id="key-1", secret_digest="ef" * 32, scopes=())
    keys = profile(REGISTERED, KEY_ISSUED, narrower).api_keys
    assert keys == (MerchantApiKey(key_id="key-1", secret_digest="ef" * 32, scopes=()),)


@pytest.mark.parametrize("event", [PIX_KEY, CONNECTED, PRICED, KEY_ISSUED], ids=lambda event: type(event).__name__)
def test_before_the_registration_nothing_counts(event):
    assert profile(event) is None


def test_a_payment_belongs_to_no_profile():
    assert MERCHANTS.key_of(enveloped(opened())) is None
    assert MERCHANTS.key_of(enveloped(PRICED, payment_id=None)) == "padaria-do-marcos"


def test_a_row_is_read_back_as_it_was_written():
    document = profile(REGISTERED, PIX_KEY, CONNECTED, PRICED, KEY_ISSUED)
    slug, version, text = MERCHANTS.row(document, enveloped(PRICED))
    assert (slug, version) == ("padaria-do-marcos", 5)
    assert MERCHANTS.read({"slug": slug, "document": text}) == (slug, document)
