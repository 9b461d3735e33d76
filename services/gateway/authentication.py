"""Authenticates callers: by an API key, by a payer's token, or in open mode as a program of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import hdrs
from msgspec import Struct

from contracts.digits import PAYMENT_DIGITS, number_in
from extrato.domain.errors import Refused
from extrato.errors import NotFound
from extrato.use_cases.payments import load_payment
from services.gateway.gateway import client_address, gateway_of
from services.gateway.http.caller import Caller
from services.gateway.http.local_only import refuse_unless_local
from services.gateway.http.values import single

if TYPE_CHECKING:
    from aiohttp import web

    from contracts.operations.operation import Limit
    from extrato.use_cases.payments import LoadedPayment

ANONYMOUS: Final = Caller(merchant=None, actor="check", actor_id=None)


class Credentials(Struct, frozen=True, kw_only=True):
    """What a client sends: an API key, or the number of a payment with its token. `api_key` is None without a key.

    `repr` hides the key and the token.
    """

    api_key: str | None
    payment_id: str
    token: str

    def __repr__(self) -> str:
        return f"Credentials(payment_id={self.payment_id!r})"

    __str__ = __repr__


def bearer_of(request: web.Request) -> str | None:
    """Read the API key from the headers; empty for another scheme than `Bearer`, so that it matches no key."""
    authorization = single(request.headers, hdrs.AUTHORIZATION)
    if not authorization:
        return None
    kind, _, bearer = authorization.partition(" ")
    return bearer.strip() if kind.lower() == "bearer" else ""


def credentials_from(request: web.Request, *, payer: bool) -> Credentials:
    """Read the credentials of a request. The payment is in the path, or in the query where the path has none."""
    bearer = bearer_of(request)
    if bearer is not None:
        return Credentials(api_key=bearer, payment_id="", token="")
    number = request.match_info.get("payment_id") or single(request.query, "payment_id") or ""
    token = (single(request.query, "t") or "") if payer else ""
    return Credentials(api_key=None, payment_id=number, token=token)


async def authenticate(
    request: web.Request, credentials: Credentials, scope: str, *, limit: Limit | None = None
) -> Caller:
    """Return the caller; raises `Refused`, or `TooManyRequests` for an address over its failure budget.

    The check of a token reads the log, so that the request counts against `limit` before.
    """
    gateway = gateway_of(request)
    limiter = gateway.rate_limiter
    if credentials.api_key is not None:
        key = gateway.merchants.cached_key(credentials.api_key)
        if key is None:
            address = client_address(request)
            limiter.admit_attempt(address, credentials.api_key)
            key = await gateway.merchants.authenticate(credentials.api_key)
            if key is None:
                limiter.record_failure(address)
                raise Refused("unauthenticated", why="unknown_key")
            limiter.record_success(credentials.api_key)
        gateway.key_uses.note(key)
        if scope not in key.scopes:
            raise Refused("forbidden", scope)
        return Caller(
            merchant=key.merchant,
            actor="api_key",
            actor_id=key.key_id,
            listed_prices_only=key.listed_prices_only,
        )
    if credentials.token:
        payment = await _opened_by_token(request, credentials, limit)
        if payment is not None:
            return Caller(merchant=None, actor="check", actor_id=None, payment=payment, token=credentials.token)
        limiter.record_failure(client_address(request))
    if gateway.settings.auth == "open":
        refuse_unless_local(request)
        return ANONYMOUS
    raise Refused("unauthenticated")


async def _opened_by_token(request: web.Request, credentials: Credentials, limit: Limit | None) -> LoadedPayment | None:
    """Return the payment that a token opens; None for a wrong token or a missing payment."""
    number = number_in(credentials.payment_id, digits=PAYMENT_DIGITS)
    if number is None:
        return None
    gateway, address = gateway_of(request), client_address(request)
    credential = f"payment {number} {credentials.token}"
    gateway.rate_limiter.admit_attempt(address, credential)
    if limit is not None:
        gateway.rate_limiter.count(limit, ANONYMOUS, address)
    try:
        payment = await load_payment(gateway.hub, number)
    except NotFound:
        return None
    if not gateway.tokens.opens(credentials.token, payment, now=gateway.hub.now()):
        return None
    gateway.rate_limiter.record_success(credential)
    return payment
