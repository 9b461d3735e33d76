"""The interface that monitors Mercado Pago payment links: all its sections."""

from __future__ import annotations

from typing import Final

from tests.compatibility.catalogue.payment_monitoring.checks import CHECK
from tests.compatibility.catalogue.payment_monitoring.frontends import ADDRESSES, ERRORS, FLOWS
from tests.compatibility.catalogue.payment_monitoring.links import GENERATE_LINK
from tests.compatibility.catalogue.payment_monitoring.lists import LIST, SYNC_PENDING
from tests.compatibility.catalogue.payment_monitoring.monitors import (
    AUTOMATIC,
    LIST_MONITORS,
    LOG_LINES,
    START,
    START_ALL,
)
from tests.compatibility.catalogue.payment_monitoring.pages import RETURN_PAGE, SECURE_LINK
from tests.compatibility.catalogue.payment_monitoring.statuses import STATUSES
from tests.compatibility.catalogue.payment_monitoring.webhooks import WEBHOOK
from tests.compatibility.statement import Part

PART: Final = Part(
    title="Monitoring of payment links",
    intro="Routes under `/payments/api/` and `/payments/mp/`, the webhook, and a monitor in the background. The "
    "reference's texts are Portuguese, and so are this hub's on these routes. *Padaria* is the reference's word for a "
    "merchant, and *monitor* its word for a watch.",
    sections=(
        ADDRESSES,
        GENERATE_LINK,
        CHECK,
        STATUSES,
        LIST,
        SYNC_PENDING,
        WEBHOOK,
        SECURE_LINK,
        RETURN_PAGE,
        START,
        LIST_MONITORS,
        START_ALL,
        ERRORS,
        AUTOMATIC,
        LOG_LINES,
        FLOWS,
    ),
)
