"""What people read of a payment says something for every status, also for one that nobody knows yet."""

from __future__ import annotations

import pytest

from services.gateway.api.views import LABELS, label
from tests.compatibility.claim import claim


@claim("status.unknown")
@pytest.mark.parametrize("status", ["on_hold", "", "APPROVED", "approved "])
def test_a_status_that_nobody_knows_has_a_label(status):
    assert label(status) == "Em Análise"
    assert label(status) not in LABELS.values()
