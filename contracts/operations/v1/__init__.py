"""The operations of `/v1`, the merchants' API."""

from __future__ import annotations

from typing import Final

from contracts.operations.v1.alerts import ALERTS
from contracts.operations.v1.api_keys import API_KEYS
from contracts.operations.v1.creation import CREATION
from contracts.operations.v1.merchant import MERCHANT
from contracts.operations.v1.payment_list import PAYMENT_LIST
from contracts.operations.v1.payments import PAYMENTS
from contracts.operations.v1.refunds import REFUNDS
from contracts.operations.v1.statement import STATEMENT

V1: Final = (*CREATION, *PAYMENT_LIST, *PAYMENTS, *REFUNDS, *ALERTS, *STATEMENT, *MERCHANT, *API_KEYS)
