"""The errors of the Orders API, which lists all problems of a request together.

Source: mercadopago developer docs, "Possible errors" of Checkout API Orders, and captured errors. The texts for an
unknown property, a missing one and an empty object are captured; the others follow their pattern.
"""

from __future__ import annotations

from typing import Any

import msgspec

from services.sandbox.state.errors import ProviderError

# The message of each code of a wrong body.
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
    """One problem code, with the affected properties."""

    code: str
    message: str
    details: tuple[str, ...] = ()


class OrderError(ProviderError):
    """An error with the body of the Orders API: `{"errors": [...]}`."""

    def __init__(self, *problems: Problem, status: int) -> None:
        """Take all problems of the request."""
        super().__init__(status=status, error=problems[0].code, message=problems[0].message)
        self.problems = problems

    def body(self, *, request_id: str, now_ms: int) -> dict[str, Any]:
        """Return the JSON body, without request id and time."""
        del request_id, now_ms
        return {"errors": self.problems}


def refused(code: str, message: str, *, status: int = 409) -> OrderError:
    """Return an error with one problem; 409 means that the order's status forbids the action."""
    return OrderError(Problem(code=code, message=message), status=status)


def order_not_found() -> OrderError:
    """Return the error for an unknown order."""
    return refused("order_not_found", "Order not found.", status=404)


class Problems:
    """Collects the problems of a request."""

    def __init__(self) -> None:
        """Start without problems."""
        self._details: dict[str, list[str]] = {}

    def add(self, code: str, *details: str) -> None:
        """Add a problem."""
        self._details.setdefault(code, []).extend(details)

    def refuse_if_any(self) -> None:
        """Raise `OrderError` with all problems, if there are any."""
        if self._details:
            problems = [
                Problem(code=code, message=_MESSAGES[code], details=tuple(details))
                for code, details in self._details.items()
            ]
            raise OrderError(*problems, status=400)
