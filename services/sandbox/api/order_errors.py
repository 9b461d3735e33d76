"""The refusals of the Orders API, which names all problems of a request at once.

Source: mercadopago developer docs, "Possible errors" of Checkout API Orders, and captured refusals: an unknown
property, a missing one and an object without any have the words that were seen, the others are modelled on them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from services.sandbox.state.errors import ProviderError

# The message of each code that the body of a request can earn.
_MESSAGES = {
    "required_properties": "Missing properties",
    "unsupported_properties": "Properties not supported",
    "minimum_properties": "Minimum properties not met",
    "property_type": "Invalid property type",
    "property_value": "Invalid property value",
    "minimum_items": "Minimum items not met",
    "exceeded_number_of_transactions": "The order accepts one transaction at most.",
    "invalid_total_amount": "The total amount must be the sum of the payments' amounts.",
    "invalid_email_for_sandbox": "Email format is invalid for sandbox environment, must contains '@testuser.com'.",
}


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One kind of problem, with the properties that have it."""

    code: str
    message: str
    details: tuple[str, ...] = ()


class OrderError(ProviderError):
    """A refusal in the words of the Orders API: `{"errors": [...]}`."""

    def __init__(self, *problems: Problem, status: int) -> None:
        """Take everything that is wrong."""
        super().__init__(status=status, error=problems[0].code, message=problems[0].message)
        self.problems = problems

    def body(self, *, request_id: str, now_ms: int) -> dict[str, Any]:
        """Return the JSON body, which names neither the request nor the instant."""
        del request_id, now_ms
        return {"errors": self.problems}


def refused(code: str, message: str, *, status: int = 409) -> OrderError:
    """Refuse for one reason; what the state of an order forbids is 409."""
    return OrderError(Problem(code=code, message=message), status=status)


def order_not_found() -> OrderError:
    """Say that this merchant has no such order."""
    return refused("order_not_found", "Order not found.", status=404)


class Problems:
    """Gathers what is wrong with a request while it is read."""

    def __init__(self) -> None:
        """Start without any."""
        self._details: dict[str, list[str]] = {}

    def add(self, code: str, *details: str) -> None:
        """Note a problem."""
        self._details.setdefault(code, []).extend(details)

    def refuse_if_any(self) -> None:
        """Raise `OrderError` with everything that was noted."""
        if self._details:
            problems = [
                Problem(code=code, message=_MESSAGES[code], details=tuple(details))
                for code, details in self._details.items()
            ]
            raise OrderError(*problems, status=400)
