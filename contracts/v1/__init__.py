"""Bodies and queries of `/v1`, the merchants' API, by subject.

Amounts are whole centavos; times are RFC 3339 in UTC; every object has `object` and `id`, and ids are texts. Structs
of requests forbid unknown fields, and those of queries forbid unknown parameters. The names of all Structs differ from
those in `contracts.api`, because the OpenAPI document has one list of schemas.
"""

from contracts.api.payment_page import PaymentPage
from contracts.v1.alerts import AlertList, AlertResolution, AlertShown
from contracts.v1.api_keys import ApiKey, ApiKeyPage, IssuedApiKey, KeyIssuer, NewApiKey
from contracts.v1.creation import NewItem, NewPayer, PaymentCreation
from contracts.v1.events import EventList, PaymentEventShown
from contracts.v1.lists import ListQuery
from contracts.v1.merchant import ContactChange, MerchantChange, MerchantContact, MerchantDetails, MerchantLogo
from contracts.v1.payment_list import NEWEST_FIRST, FoundPayments, PaymentListQuery
from contracts.v1.payments import Attempt, OrderItem, Payment
from contracts.v1.problem import FieldProblem, Problem
from contracts.v1.refunds import Refund, RefundCreation, RefundList, RefundRequested
from contracts.v1.request_fields import MerchantQuery, NoFields
from contracts.v1.statement import (
    Statement,
    StatementDay,
    StatementLine,
    StatementMethod,
    StatementQuery,
    StatementTotal,
)

__all__ = [
    "NEWEST_FIRST",
    "AlertList",
    "AlertResolution",
    "AlertShown",
    "ApiKey",
    "ApiKeyPage",
    "Attempt",
    "ContactChange",
    "EventList",
    "FieldProblem",
    "FoundPayments",
    "IssuedApiKey",
    "KeyIssuer",
    "ListQuery",
    "MerchantChange",
    "MerchantContact",
    "MerchantDetails",
    "MerchantLogo",
    "MerchantQuery",
    "NewApiKey",
    "NewItem",
    "NewPayer",
    "NoFields",
    "OrderItem",
    "Payment",
    "PaymentCreation",
    "PaymentEventShown",
    "PaymentListQuery",
    "PaymentPage",
    "Problem",
    "Refund",
    "RefundCreation",
    "RefundList",
    "RefundRequested",
    "Statement",
    "StatementDay",
    "StatementLine",
    "StatementMethod",
    "StatementQuery",
    "StatementTotal",
]
