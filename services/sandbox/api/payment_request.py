"""Reads and checks the body of `POST /v1/payments`.

Source: mercadopago developer reference, "Create payment", with the cause code of each rule.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from yarl import URL

from services.sandbox.api.methods import METHODS
from services.sandbox.state.clock import ImpossibleInstant, NotAnInstant, parse_instant
from services.sandbox.state.errors import bad_request
from services.sandbox.state.lifecycle import usual_detail
from services.sandbox.state.money import NotANumber, NotMoney, centavos

if TYPE_CHECKING:
    from services.sandbox.api.methods import Method

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_MAX_EMAIL = 254
_MAX_URL = 500
DOCUMENT_LENGTHS = {"CPF": 11, "CNPJ": 14}

# The documented names of card holders that decide a test payment. The sandbox reads them from `payer.first_name`.
_CARD_NAMES = {
    "OTHE": ("rejected", "cc_rejected_other_reason"),
    "CONT": ("in_process", "pending_contingency"),
    "CALL": ("rejected", "cc_rejected_call_for_authorize"),
    "FUND": ("rejected", "cc_rejected_insufficient_amount"),
    "SECU": ("rejected", "cc_rejected_bad_filled_security_code"),
    "EXPI": ("rejected", "cc_rejected_bad_filled_date"),
    "FORM": ("rejected", "cc_rejected_bad_filled_other"),
}


def read_new_payment(body: dict[str, Any], *, now_ms: int) -> dict[str, Any]:
    """Read the body into the terms of the payment; raises `ProviderError` for the first broken rule."""
    amount_centavos = _amount(body.get("transaction_amount"))
    method = _method(body)
    if body.get("application_fee"):
        raise bad_request("You can not set an application_fee without an OAuth token", code=2059)
    due_date = body.get("date_of_expiration")
    return {
        "method": method,
        "amount_centavos": amount_centavos,
        "payer": _payer(body.get("payer")),
        "installments": _installments(body.get("installments"), method),
        "notification_url": read_notification_url(body.get("notification_url")),
        "metadata": _metadata(body.get("metadata")),
        "expires_ms": None if due_date is None else read_due_date(due_date, now_ms=now_ms),
        "captured": not (method.is_card and body.get("capture") is False),
        "binary_mode": body.get("binary_mode") is True,
        "description": _text(body.get("description")),
        "external_reference": _text(body.get("external_reference")),
        "statement_descriptor": _text(body.get("statement_descriptor")),
        "callback_url": _text(body.get("callback_url")),
        "additional_info": body["additional_info"] if isinstance(body.get("additional_info"), dict) else {},
    }


REFUSED_FOR_RISK = ("rejected", "rejected_high_risk")


def first_status(body: dict[str, Any], method: Method, *, is_pix_refused: bool) -> tuple[str, str]:
    """Return the first status and detail of a payment: cards are decided at once, other methods are pending.

    The provider may reject a Pix for risk in the answer that creates it (devsite-docs #2615).
    """
    if is_pix_refused and method.method_id == "pix":
        return REFUSED_FOR_RISK
    if method.type_id in {"bank_transfer", "ticket"}:
        return "pending", usual_detail("pending", method.type_id)
    forced = _CARD_NAMES.get(str(body["payer"].get("first_name")).upper())
    if forced is not None:
        return forced
    status = "authorized" if body.get("capture") is False else "approved"
    return status, usual_detail(status, method.type_id)


def read_notification_url(value: object) -> str | None:
    """Read a webhook address, which may be local; raises `ProviderError` with code 4020 (no URL) or 4021 (too long)."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _is_http_url(value):
        raise bad_request("notificaction_url attribute must be url valid", code=4020)
    if len(value) > _MAX_URL:
        raise bad_request("notification_url attribute must be shorter than 500 characters", code=4021)
    return value


def read_due_date(text: object, *, now_ms: int) -> int:
    """Read `date_of_expiration`; raises `ProviderError` with code 23 (format) or 7523 (impossible or past)."""
    try:
        due_ms = parse_instant(text, milliseconds_required=True)
    except ImpossibleInstant as error:
        raise bad_request("Invalid date of expiration", code=7523) from error
    except NotAnInstant as error:
        raise bad_request("The following parameters must be valid date and format", code=23) from error
    if due_ms <= now_ms:
        raise bad_request("Invalid date of expiration", code=7523)
    return due_ms


def is_email(text: str) -> bool:
    """Return True for a text that passes the provider's check of e-mail addresses."""
    return _EMAIL.fullmatch(text) is not None


def is_document(identification: object) -> bool:
    """Return True for a CPF or CNPJ of the right length; check digits are not checked."""
    if not isinstance(identification, dict):
        return False
    number = str(identification.get("number") or "")
    length = DOCUMENT_LENGTHS.get(str(identification.get("type") or "").upper())
    return length is not None and len(number) == length and number.isalnum()


def read_phone(phone: object) -> dict[str, str | None] | None:
    """Return the area code and the number of a telephone; `None` without one."""
    if not isinstance(phone, dict) or not phone.get("number"):
        return None
    return {"area_code": _text(phone.get("area_code")), "number": _text(phone["number"])}


def _is_http_url(text: str) -> bool:
    try:
        url = URL(text)
        return url.scheme in {"http", "https"} and bool(url.host) and url.port is not None
    except ValueError:
        return False


def _amount(value: object) -> int:
    if value is None:
        raise bad_request("transaction_amount attribute can't be null", code=4002)
    try:
        amount_centavos = centavos(value)
    except NotANumber as error:
        raise bad_request("transaction_amount attribute must be numeric", code=4003) from error
    except NotMoney as error:
        raise bad_request("Invalid value for transaction_amount", code=2072) from error
    if amount_centavos <= 0:
        raise bad_request("Invalid value for transaction_amount", code=2072)
    return amount_centavos


def _method(body: dict[str, Any]) -> Method:
    method_id = body.get("payment_method_id")
    if not method_id:
        raise bad_request("payment_method_id attribute can't be null", code=4001)
    method = METHODS.get(str(method_id))
    if method is None:
        raise bad_request("Cannot infer Payment Method", code=2131)
    if method.is_card and not body.get("token"):
        raise bad_request("token attribute can't be null", code=4000)
    return method


def _payer(payer: object) -> dict[str, Any]:
    if not isinstance(payer, dict):
        raise bad_request("payer attribute malformed", code=4006)
    email = payer.get("email")
    if not isinstance(email, str) or not is_email(email):
        raise bad_request("payer.email must be a valid email", code=4050)
    if len(email) > _MAX_EMAIL:
        raise bad_request("payer.email must be shorter than 254 characters", code=4051)
    identification = payer.get("identification")
    if identification is not None and not is_document(identification):
        raise bad_request("Invalid user identification number", code=2067)
    return {
        "email": email,
        "first_name": _text(payer.get("first_name")),
        "last_name": _text(payer.get("last_name")),
        "identification": identification,
        "phone": read_phone(payer.get("phone")),
    }


def _installments(value: object, method: Method) -> int:
    if value is None:
        if method.type_id == "credit_card":
            raise bad_request("installments attribute can't be null", code=4004)
        return 1
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 36:
        raise bad_request("installments attribute must be numeric", code=4005)
    return value


def _metadata(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise bad_request("metadata attribute must be key valid json object", code=4022)
    return value


def _text(value: object) -> str | None:
    return None if value is None else str(value)
