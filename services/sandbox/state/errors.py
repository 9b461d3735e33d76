"""The refusals of the simulated API, with the bodies and cause codes of the real one.

Sources: mercadopago developer reference (payments, preferences, refunds) and published captures of answers.
"""

from __future__ import annotations

from typing import Any

from services.sandbox.state.clock import cause_instant


class ProviderError(Exception):
    """A refusal in Mercado Pago's words: an HTTP status, and a body of four keys that says why."""

    def __init__(self, *, status: int, error: str, message: str, code: int | None = None, cause: Any = None) -> None:
        """Take the parts of the body; `code` makes the usual list of one cause, `cause` is sent as it is."""
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message
        self.code = code
        self.cause = cause
        self.headers: dict[str, str] = {}

    def body(self, *, request_id: str, now_ms: int) -> dict[str, Any]:
        """Return the JSON body, in which every cause carries the instant and the request id."""
        cause = self.cause
        if self.code is not None:
            data = f"{cause_instant(now_ms)};{request_id}"
            cause = [{"code": self.code, "description": self.message, "data": data}]
        return {"message": self.message, "error": self.error, "status": self.status, "cause": cause}


class PolicyError(ProviderError):
    """The refusal of the API gateway in front of Mercado Pago, which has a body of its own."""

    def __init__(self) -> None:
        """Make the only answer that this gateway was seen to give."""
        super().__init__(status=403, error="forbidden", message="At least one policy returned UNAUTHORIZED.")

    def body(self, *, request_id: str, now_ms: int) -> dict[str, Any]:
        """Return the body as captured from the policy agent."""
        del request_id, now_ms  # It tells neither.
        return {
            "status": self.status,
            "message": self.message,
            "code": "PA_UNAUTHORIZED_RESULT_FROM_POLICIES",
            "blocked_by": "PolicyAgent",
        }


def bad_request(message: str, *, code: int) -> ProviderError:
    """Refuse a request of the payments family with one cause code."""
    return ProviderError(status=400, error="bad_request", message=message, code=code)


def bad_preference(error: str, message: str) -> ProviderError:
    """Refuse a preference; this family answers with `cause: null`."""
    return ProviderError(status=400, error=error, message=message)


def not_found(message: str, *, code: int | None = None) -> ProviderError:
    """Say that nothing of this merchant has that id."""
    return ProviderError(status=404, error="not_found", message=message, code=code, cause=[])


def payment_not_found() -> ProviderError:
    """Say that the merchant has no such payment."""
    return not_found("Payment not found", code=2000)


def missing_idempotency_key() -> ProviderError:
    """Refuse a payment or refund without `X-Idempotency-Key` (seen as 400)."""
    return bad_request("Header X-Idempotency-Key can't be null", code=4292)


def invalid_state(*, code: int) -> ProviderError:
    """Refuse an action that the state forbids: code 2018 on payments, 2063 on refunds."""
    return bad_request("The action requested is not valid for the current payment state", code=code)


def invalid_access_token() -> ProviderError:
    """Refuse a token that belongs to no merchant."""
    return ProviderError(status=401, error="unauthorized", message="invalid access token", cause=[])


def missing_access_token() -> ProviderError:
    """Refuse a request without any token, on the routes that the policy agent does not guard."""
    return ProviderError(status=401, error="unauthorized", message="Must provide your access_token", cause=[])


def live_credentials_only() -> ProviderError:
    """Refuse a test user what needs live credentials, as many report of direct payments and refunds (code 7)."""
    return ProviderError(status=401, error="unauthorized", message="Unauthorized use of live credentials", code=7)


def too_many_requests(retry_after_s: int | None) -> ProviderError:
    """Slow a client down; `Retry-After` is in whole seconds (OpenAPI of the provider), and may be missing."""
    refusal = ProviderError(status=429, error="too_many_requests", message="Too many requests", cause=[])
    if retry_after_s is not None:
        refusal.headers["Retry-After"] = str(retry_after_s)
    return refusal


def internal_error() -> ProviderError:
    """Fail as the provider does on a bad day."""
    return ProviderError(status=500, error="internal_error", message="Internal server error", cause=[])
