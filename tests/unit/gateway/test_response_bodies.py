"""Labels cover every status, also unknown ones."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from extrato.domain.payment.state import charged
from extrato.errors import ProviderMisunderstood
from services.gateway.api import cart
from services.gateway.api.response_bodies import LABELS, label
from tests.compatibility.claim import claim
from tests.examples import loaded_payment
from tests.unit.payment_story import CHARGED


@claim("status.unknown")
@pytest.mark.parametrize("status", ["on_hold", "", "APPROVED", "approved "])
def test_unknown_status_has_a_label(status):
    assert label(status) == "Em Análise"
    assert label(status) not in LABELS.values()


async def test_cart_without_code_is_not_answered_as_created():
    loaded = loaded_payment()
    made = replace(loaded, payment=charged(loaded.payment.intent, replace(CHARGED, pix_payload=None)))
    with pytest.raises(ProviderMisunderstood, match="Pix has no code"):
        await cart._created(None, made)
