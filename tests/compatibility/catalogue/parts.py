"""The one list of the parts of the page."""

from __future__ import annotations

from typing import Final

from tests.compatibility.catalogue import ours, pix_in_real_time
from tests.compatibility.catalogue.payment_monitoring import part as payment_monitoring

PARTS: Final = (pix_in_real_time.PART, payment_monitoring.PART, ours.PART)
