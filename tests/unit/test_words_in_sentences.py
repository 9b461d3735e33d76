"""A sentence that lists the words of a field names all of them, in both languages."""

from __future__ import annotations

import re

import pytest

from contracts.api.types import PIX_KEY_KINDS
from contracts.errors import CATALOGUE
from contracts.payment_status import ALERT_NAMES
from contracts.providers import PROVIDERS
from contracts.v1.payment_list import ORDERS
from contracts.v1.types import LOGO_UPLOADS, METHODS


@pytest.mark.parametrize(
    ("code", "why", "words"),
    [
        ("invalid_method", "", METHODS),
        ("invalid_provider", "", PROVIDERS),
        ("invalid_order", "", ORDERS),
        ("invalid_alert", "", ALERT_NAMES),
        ("pix_key_unknown_kind", "", PIX_KEY_KINDS),
        ("unsupported_media_type", "picture", LOGO_UPLOADS),
    ],
)
def test_sentence_names_every_word(code, why, words):
    for sentence in CATALOGUE[code].sentences[why]:
        assert set(words) <= set(re.findall(r"[a-z_/]+", sentence))
