"""The one list of the parts of the page."""

from __future__ import annotations

from typing import Final

from tests.compatibility import ours, payment_monitoring, pix_in_real_time

PARTS: Final = (pix_in_real_time.PART, payment_monitoring.PART, ours.PART)
