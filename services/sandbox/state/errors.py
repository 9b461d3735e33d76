"""The errors of the simulated API, with the bodies and cause codes of the real one.

Sources: mercadopago developer reference (payments, preferences, refunds) and published captures of answers.
"""

from __future__ import annotations

from typing import Any

from services.sandbox.state.clock import cause_instant


class ProviderError(Exception):
    """An error of Mercado Pago: an HTTP status, and a body of four keys."""

    def __init__(self, *, status: int, error: str, message: str, code: int | None = None, cause: Any = None) -> None:
        """Take the parts of the body; `code` gives the usual list of one cause, `cause` is sent as it is."""
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message
        self.code = code
        self.cause = cause
        self.headers: dict[str, str] = {}

    def body(self, *, request_id: str, now_ms: int) -> dict[str, Any]:
        """Return the JSON body; every cause contains the time and the request id."""
        cause = self.cause
        if self.code is not None:
            data = f"{cause_instant(now_ms)};{request_id}"
            cause = [{"code": self.code, "description": self.message, "data": data}]
        return {"message": self.message, "error": self.error, "status": self.status, "cause": cause}


class PolicyError(ProviderError):
    """The error of the API gateway in front of Mercado Pago, which has a different body."""

    def __init__(self) -> None:
        """Set the only captured answer of this gateway."""
        super().__init__(status=403, error="forbidden", message="At least one policy returned UNAUTHORIZED.")

    def body(self, *, request_id: str, now_ms: int) -> dict[str, Any]:
        """Return the body as captured from the policy agent."""
        del request_id, now_ms  # The body has neither.
        return {
            "status": self.status,
            "message": self.message,
            "code": "PA_UNAUTHORIZED_RESULT_FROM_POLICIES",
            "blocked_by": "PolicyAgent",
        }


def bad_request(message: str, *, code: int) -> ProviderError:
    """Return an error of the payments family, with one cause code."""
    return ProviderError(status=400, error="bad_request", message=message, code=code)


def bad_preference(error: str, message: str) -> ProviderError:
    """Return an error of the preferences family, which has `cause: null`."""
    return ProviderError(status=400, error=error, message=message)


def not_found(message: str, *, code: int | None = None) -> ProviderError:
    """Return the error for an unknown id."""
    return ProviderError(status=404, error="not_found", message=message, code=code, cause=[])


def payment_not_found() -> ProviderError:
    """Return the error for an unknown payment."""
    return not_found("Payment not found", code=2000)


def missing_idempotency_key() -> ProviderError:
    """Return the error for a payment or refund without `X-Idempotency-Key` (captured as 400)."""
    return bad_request("Header X-Idempotency-Key can't be null", code=4292)


def invalid_state(*, code: int) -> ProviderError:
    """Return the error for an action that the status forbids: code 2018 on payments, 2063 on refunds."""
    return bad_request("The action requested is not valid for the current payment state", code=code)


def invalid_access_token() -> ProviderError:
    """Return the error for an unknown token."""
    return ProviderError(status=401, error="unauthorized", message="invalid access token", cause=[])


def missing_access_token() -> ProviderError:
    """Return the error for a request without a token, on routes without the policy agent."""
    return ProviderError(status=401, error="unauthorized", message="Must provide your access_token", cause=[])


def live_credentials_only() -> ProviderError:
    """Return the error for a test user's direct payment or refund, as many users report it (code 7)."""
    return ProviderError(status=401, error="unauthorized", message="Unauthorized use of live credentials", code=7)


def too_many_requests(retry_after_s: int | None) -> ProviderError:
    """Return a 429; `Retry-After` is in whole seconds (the provider's OpenAPI), and may be absent."""
    refusal = ProviderError(status=429, error="too_many_requests", message="Too many requests", cause=[])
    if retry_after_s is not None:
        refusal.headers["Retry-After"] = str(retry_after_s)
    return refusal


def internal_error() -> ProviderError:
    """Return a 500."""
    return ProviderError(status=500, error="internal_error", message="Internal server error", cause=[])
