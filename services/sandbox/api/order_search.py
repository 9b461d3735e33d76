"""`GET /v1/orders`: the orders of a time span, filtered, sorted and in pages.

Source: the request and response types of the official Node SDK, where page numbers are strings.
The results omit the QR picture, and lag like the search of payments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.sandbox.api.order_errors import refused
from services.sandbox.bodies.order import order_body, order_status
from services.sandbox.state.clock import NotAnInstant, parse_instant
from services.sandbox.state.json_body import answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp import web

    from services.sandbox.simulator import Simulator
    from services.sandbox.state.accounts import Account
    from services.sandbox.state.records import Payment

_DEFAULT_PAGE_SIZE = 20
_MAX_PAGE_SIZE = 100
_FILTERS: dict[str, Callable[[Payment], str | None]] = {
    "external_reference": lambda payment: payment.external_reference,
    "type": lambda _: "online",
    "payment_method_id": lambda payment: payment.method_id,
    "payment_method_type": lambda payment: payment.type_id,
}
_SORTS: dict[str, Callable[[Payment], tuple[int, int]]] = {
    "created_date": lambda payment: (payment.created_ms, payment.payment_id),
    "last_updated_date": lambda payment: (payment.updated_ms, payment.payment_id),
}


async def search_orders(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Search the orders of this merchant that were created between two instants, newest first."""
    query = request.query
    sim.store.search_index.catch_up(lag_ms=sim.faults.now.search_lag_ms)
    page, page_size = _number(query, "page", 1), min(_number(query, "page_size", _DEFAULT_PAGE_SIZE), _MAX_PAGE_SIZE)
    offset = (page - 1) * page_size
    found = _sorted(_found(sim, account, query), query)
    return answer(
        {
            "data": [
                order_body(
                    payment,
                    account=account,
                    public_url=sim.settings.public_url,
                    refunded_as_processed=sim.faults.now.order_refunded_as_processed,
                )
                for payment in found[offset : offset + page_size]
            ],
            "paging": {
                "total": str(len(found)),
                "total_pages": str(-(-len(found) // page_size)),
                "offset": str(offset),
                "limit": str(page_size),
            },
        }
    )


def _found(sim: Simulator, account: Account, query: Mapping[str, str]) -> list[Payment]:
    begin_ms, end_ms = _instant(query, "begin_date"), _instant(query, "end_date")
    wanted = [(read, query[name]) for name, read in _FILTERS.items() if query.get(name)]
    return [
        payment
        for payment in sim.store.search_index.latest_changes(account.collector_id)
        if payment.online_order is not None and begin_ms <= payment.created_ms <= end_ms
        if all(read(payment) == value for read, value in wanted)
        if _has_status(sim, payment, query)
    ]


def _has_status(sim: Simulator, payment: Payment, query: Mapping[str, str]) -> bool:
    status = order_status(payment, refunded_as_processed=sim.faults.now.order_refunded_as_processed)
    wanted = (query.get("status"), query.get("status_detail"))
    return all(not word or word == shown for word, shown in zip(wanted, status, strict=True))


def _sorted(found: list[Payment], query: Mapping[str, str]) -> list[Payment]:
    key = _SORTS.get(query.get("sort_by") or "created_date")
    order = (query.get("sort_order") or "desc").lower()
    if key is None or order not in {"asc", "desc"}:
        raise refused("invalid_query_param", "Invalid sort_by or sort_order", status=400)
    return sorted(found, key=key, reverse=order == "desc")


def _instant(query: Mapping[str, str], name: str) -> int:
    try:
        return parse_instant(query.get(name))
    except NotAnInstant as error:
        raise refused("invalid_query_param", f"Missing or invalid {name}", status=400) from error


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name) or str(default)
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= 10_000):
        raise refused("invalid_query_param", f"Invalid {name}", status=400)
    return int(text)
