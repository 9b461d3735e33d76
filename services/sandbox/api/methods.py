"""The payment methods of Brazil that the sandbox knows, and `GET /v1/payment_methods`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from services.sandbox.state.json_body import answer
from services.sandbox.state.money import MAX_CENTAVOS, reais

if TYPE_CHECKING:
    from aiohttp import web

    from services.sandbox.simulator import Simulator
    from services.sandbox.state.accounts import Account


class Method(msgspec.Struct, frozen=True):
    """A payment method: its id, its type and the name that payers see."""

    method_id: str
    type_id: str
    name: str

    @property
    def is_card(self) -> bool:
        """True for methods that need a card token."""
        return self.type_id in {"credit_card", "debit_card"}


METHODS = {
    method.method_id: method
    for method in (
        Method("pix", "bank_transfer", "Pix"),
        Method("bolbradesco", "ticket", "Boleto"),
        Method("pec", "ticket", "Pagamento na lotérica sem boleto"),
        Method("account_money", "account_money", "Saldo em conta"),
        Method("visa", "credit_card", "Visa"),
        Method("master", "credit_card", "Mastercard"),
        Method("elo", "credit_card", "Elo"),
        Method("amex", "credit_card", "American Express"),
        Method("hipercard", "credit_card", "Hipercard"),
        Method("debvisa", "debit_card", "Visa Débito"),
        Method("debmaster", "debit_card", "Mastercard Débito"),
        Method("debelo", "debit_card", "Elo Débito"),
    )
}


async def list_methods(_sim: Simulator, _account: Account, _request: web.Request) -> web.Response:
    """Answer the methods of Brazil, as a plain JSON array."""
    return answer([_method_body(method) for method in METHODS.values()])


def _method_body(method: Method) -> dict[str, Any]:
    return {
        "id": method.method_id,
        "name": method.name,
        "payment_type_id": method.type_id,
        "status": "active",
        "secure_thumbnail": "",
        "thumbnail": "",
        "deferred_capture": "supported" if method.is_card else "does_not_apply",
        "settings": [],
        "additional_info_needed": [],
        "min_allowed_amount": reais(1),
        "max_allowed_amount": reais(MAX_CENTAVOS),
        "accreditation_time": 2880 if method.is_card else 0,
        "financial_institutions": [],
        "processing_modes": ["aggregator"],
    }
