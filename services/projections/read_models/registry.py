"""The list of read models. To add one, add a file in this folder and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.projections.read_models.merchant_positions import MERCHANT_POSITIONS
from services.projections.read_models.merchants import MERCHANTS
from services.projections.read_models.open_payments import OPEN_PAYMENTS
from services.projections.read_models.open_requests import OPEN_REQUESTS
from services.projections.read_models.payment_details import PAYMENT_DETAILS
from services.projections.read_models.statement import STATEMENT

if TYPE_CHECKING:
    from services.projections.read_models.read_model import ReadModel

READ_MODELS: Final[tuple[ReadModel, ...]] = (
    MERCHANTS,
    OPEN_PAYMENTS,
    OPEN_REQUESTS,
    PAYMENT_DETAILS,
    MERCHANT_POSITIONS,
    STATEMENT,
)
