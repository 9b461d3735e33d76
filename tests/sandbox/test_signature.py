"""The signature equals vectors that the official validator accepts."""

from __future__ import annotations

import pytest

from services.sandbox.webhooks.signature import signature_header

REQUEST_ID = "2066ca19-c6f1-498a-be75-1923005edd06"
VECTORS = [
    (
        "ORD01JQ4S4KY8HWQ6NA5PXB65B3D3",
        REQUEST_ID,
        "1742505638683",
        "fb15ae6472eb449173c556793205d77787d58f384d183bb5bc3b724c27bd103c",
    ),
    (
        "123456789",
        REQUEST_ID,
        "1704908010",
        "2950837c0ba1681e168f193fb68dad2d33a2372e6cf86379ca8eeaa965009294",
    ),
    (None, REQUEST_ID, "1704908010", "a2d8b9f2183063522f01ca8d71f1cf68f92eaeeeb2359d29caaf1a7b424f9ee6"),
    ("123456789", None, "1704908010", "8247582720bbf9eae8740afbba1bdc031ae342d7cbf56e13f98a7dfd7b16cf49"),
    (None, None, "1704908010", "a85cce0f61742409b757e34e57c6368d3b9e6057b39550158d77dc7ea037806c"),
]


@pytest.mark.parametrize(("data_id", "request_id", "ts", "digest"), VECTORS)
def test_signature_equals_the_official_vector(data_id, request_id, ts, digest):
    header = signature_header(secret="your_secret_key_here", data_id=data_id, request_id=request_id, ts=ts)
    assert header == f"ts={ts},v1={digest}"
