"""`GET /v1/payments/search`: ranges, relative dates, filters, order and pages.

Source: mercadopago developer reference, "Search payments", guide "Retrieving payments", captured errors.
The results omit the QR picture, as the official Node SDK's result type does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from services.sandbox.bodies.payment import payment_body
from services.sandbox.state.clock import NotAnInstant, parse_instant
from services.sandbox.state.errors import bad_request
from services.sandbox.state.json_body import answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from aiohttp import web

    from services.sandbox.simulator import Simulator
    from services.sandbox.state.accounts import Account
    from services.sandbox.state.records import Payment

DEFAULT_LIMIT = 30
# The guide says 50, but the official SDKs use pages of 100.
MAX_LIMIT = 100
MAX_OFFSET = 10_000
_DAY_MS = 86_400_000
_UNITS_MS = {
    "MINUTES": 60_000,
    "HOURS": 3_600_000,
    "DAYS": _DAY_MS,
    "WEEKS": 7 * _DAY_MS,
    "MONTHS": 30 * _DAY_MS,
}
_RELATIVE = re.compile(r"NOW(?:-(\d{1,4})(MINUTE|HOUR|DAY|WEEK|MONTH)S?)?")
# Two changes of a payment are at least a millisecond apart, so its time can be ahead of the clock.
_ORDER_SLACK_MS = 1_000

_INSTANTS: dict[str, Callable[[Payment], int | None]] = {
    "date_created": lambda payment: payment.created_ms,
    "date_last_updated": lambda payment: payment.updated_ms,
    "date_approved": lambda payment: payment.approved_ms,
    "money_release_date": lambda payment: payment.approved_ms,
}
_SORTS: dict[str, Callable[[Payment], Any]] = {
    "date_created": lambda payment: payment.created_ms,
    "date_last_updated": lambda payment: payment.updated_ms,
    "date_approved": lambda payment: payment.approved_ms or 0,
    "money_release_date": lambda payment: payment.approved_ms or 0,
    "id": lambda payment: payment.payment_id,
    "external_reference": lambda payment: payment.external_reference or "",
}
_FILTERS: dict[str, Callable[[Payment], object]] = {
    "status": lambda payment: payment.status,
    "status_detail": lambda payment: payment.status_detail,
    "external_reference": lambda payment: payment.external_reference,
    "payment_method_id": lambda payment: payment.method_id,
    "payment_type_id": lambda payment: payment.type_id,
    "installments": lambda payment: str(payment.installments),
    "collector.id": lambda payment: str(payment.collector_id),
    "payer.id": lambda payment: str(payment.payer["id"]),
    "operation_type": lambda _: "regular_payment",
    "processing_mode": lambda _: "aggregator",
    "store_id": lambda _: None,
    "pos_id": lambda _: None,
}


async def search_payments(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Search the payments of this merchant."""
    query = request.query
    sim.store.search_index.catch_up(lag_ms=sim.faults.now.search_lag_ms)
    limit, offset = _page(query)
    found = _sorted(_found(sim, account, query), query)
    return answer(
        {
            "paging": {"total": len(found), "limit": limit, "offset": offset},
            "results": [
                payment_body(payment, account=account, public_url=sim.settings.public_url)
                for payment in found[offset : offset + limit]
            ],
        }
    )


def _found(sim: Simulator, account: Account, query: Mapping[str, str]) -> list[Payment]:
    range_name = query.get("range") or "date_created"
    instant_of = _INSTANTS.get(range_name)
    if instant_of is None:
        raise bad_request("Params Error: Invalid range parameter", code=1)
    begin_ms, end_ms = _interval(query, now_ms=sim.clock.now_ms())
    wanted = [(read, query[name]) for name, read in _FILTERS.items() if query.get(name)]
    found = []
    for payment in _candidates(sim, account, query):
        if payment.updated_ms < begin_ms - _ORDER_SLACK_MS and range_name == "date_last_updated":
            if query.get("external_reference"):
                continue
            break
        instant_ms = instant_of(payment)
        if instant_ms is None or not begin_ms <= instant_ms <= end_ms:
            continue
        if all(read(payment) == value for read, value in wanted):
            found.append(payment)
    return found


def _candidates(sim: Simulator, account: Account, query: Mapping[str, str]) -> Iterable[Payment]:
    """Return the merchant's payments, last changed first, or those with the requested reference."""
    index = sim.store.search_index
    reference = query.get("external_reference")
    if not reference:
        return index.latest_changes(account.collector_id)
    named = (
        index.visible(account.collector_id, payment.payment_id)
        for payment in sim.store.payments_of_reference(reference)
    )
    return [payment for payment in named if payment is not None]


def _sorted(found: list[Payment], query: Mapping[str, str]) -> list[Payment]:
    key = _SORTS.get(query.get("sort") or "date_created")
    criteria = (query.get("criteria") or "desc").lower()
    if key is None:
        raise bad_request("Params Error: Invalid sort parameter", code=1)
    if criteria not in {"asc", "desc"}:
        raise bad_request("Params Error: Invalid criteria parameter", code=1)
    return sorted(found, key=lambda payment: (key(payment), payment.payment_id), reverse=criteria == "desc")


def _interval(query: Mapping[str, str], *, now_ms: int) -> tuple[int, int]:
    begin_ms = _instant(query.get("begin_date") or "NOW-3MONTHS", now_ms=now_ms)
    end_ms = _instant(query.get("end_date") or "NOW", now_ms=now_ms)
    if end_ms - begin_ms >= 365 * _DAY_MS:
        raise bad_request("The interval between dates must be less than 365 days", code=9062)
    # The end includes the last change, whose time may be slightly ahead of the clock.
    return begin_ms, end_ms + _ORDER_SLACK_MS if end_ms == now_ms else end_ms


def _instant(text: str, *, now_ms: int) -> int:
    """Read ISO 8601 or `NOW-{n}{UNIT}`; an unencoded `+` arrives as a blank and is rejected."""
    relative = _RELATIVE.fullmatch(text)
    if relative is not None:
        count, unit = relative.groups()
        return now_ms - (int(count) * _UNITS_MS[f"{unit}S"] if count else 0)
    try:
        return parse_instant(text)
    except NotAnInstant as error:
        refusal = bad_request("Params Error: Invalid date parameter", code=1)
        raise refusal from error


def _page(query: Mapping[str, str]) -> tuple[int, int]:
    try:
        limit, offset = int(query.get("limit") or DEFAULT_LIMIT), int(query.get("offset") or 0)
    except ValueError as error:
        raise bad_request("Params Error: Invalid paging parameter", code=1) from error
    if limit < 0 or offset < 0:
        raise bad_request("Params Error: Invalid paging parameter", code=1)
    if offset > MAX_OFFSET:
        raise bad_request("Number of rows exceeded the limits", code=1000)
    return min(limit, MAX_LIMIT), offset
