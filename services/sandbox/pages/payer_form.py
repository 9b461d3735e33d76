"""The payer's own data at the checkout: optional fields, which replace what the shop sent."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from services.sandbox.api.payment_request import DOCUMENT_LENGTHS, is_document, is_email

if TYPE_CHECKING:
    from collections.abc import Mapping

_AREA_CODE_LENGTH = 2
_NATIONAL_LENGTHS = (10, 11)

# By field: its label, its type of input, and what browsers fill in.
_FIELDS = {
    "name": ("Nome", "text", "name"),
    "email": ("E-mail", "email", "email"),
    "document": ("CPF ou CNPJ", "text", "off"),
    "phone": ("Telefone", "tel", "tel-national"),
}


class UnreadablePayer(Exception):
    """A payer typed an e-mail address or a document that the provider rejects."""


def payer_fields(payer: dict[str, Any]) -> str:
    """Return the inputs, with what the shop sent about the payer."""
    phone = payer.get("phone") or {}
    values = {
        "name": " ".join(part for part in (payer.get("first_name"), payer.get("last_name")) if part),
        "email": payer.get("email"),
        "document": (payer.get("identification") or {}).get("number"),
        "phone": f"{phone.get('area_code') or ''}{phone.get('number') or ''}",
    }
    inputs = "\n".join(
        f'<label>{label} <input name="{name}" type="{kind}" autocomplete="{filled_in}"'
        f' value="{escape(str(values[name] or ""))}"></label>'
        for name, (label, kind, filled_in) in _FIELDS.items()
    )
    return f"<fieldset>\n<legend>Seus dados (opcional)</legend>\n{inputs}\n</fieldset>"


def read_payer(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the typed fields in the form of a payment's payer; raises `UnreadablePayer`."""
    name, email, document, phone = (str(form.get(field) or "").strip() for field in _FIELDS)
    payer: dict[str, Any] = {}
    if name:
        first, _, last = name.partition(" ")
        payer |= {"first_name": first, "last_name": last or None}
    if email:
        if not is_email(email):
            raise UnreadablePayer
        payer["email"] = email
    if document:
        payer["identification"] = _identification(document)
    if digits := "".join(character for character in phone if character.isdigit()):
        cut = _AREA_CODE_LENGTH if len(digits) in _NATIONAL_LENGTHS else 0
        payer["phone"] = {"area_code": digits[:cut], "number": digits[cut:]}
    return payer


def _identification(text: str) -> dict[str, str]:
    number = "".join(character for character in text if character.isalnum())
    kinds = {length: kind for kind, length in DOCUMENT_LENGTHS.items()}
    identification = {"type": kinds.get(len(number), ""), "number": number}
    if not is_document(identification):
        raise UnreadablePayer
    return identification
