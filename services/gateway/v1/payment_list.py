"""`GET /v1/payments`: lists the payments of a merchant, by filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.search_terms import term, terms_of_words
from contracts.v1 import NEWEST_FIRST, FoundPayments, PaymentListQuery
from extrato.domain.errors import Refused
from services.gateway.gateway import gateway_of
from services.gateway.http.bodies import Fault, invalid_body
from services.gateway.http.cursors import ListOf
from services.gateway.http.positions import note_position
from services.gateway.http.responses import json_response
from services.gateway.request_body import read_query
from services.gateway.v1.listed_payments import listed_payments
from services.gateway.v1.merchant_of import merchant_of
from services.gateway.v1.methods import METHODS
from services.gateway.v1.payment_queries import Moment, Place, Wanted
from services.gateway.v1.payment_search import find_payments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp import web

LIST: Final = "payments"
RANGES: Final = (("created_from", "created_to"), ("paid_from", "paid_to"), ("amount_min", "amount_max"))


async def find(request: web.Request) -> web.Response:
    """Answer a page; asks no provider."""
    gateway, query = gateway_of(request), read_query(request, PaymentListQuery)
    if faults := tuple(_faults(query)):
        raise invalid_body(faults)
    merchant = (await merchant_of(request, query.merchant)).slug
    of = ListOf.asked(LIST, merchant, query)
    after = None if query.cursor is None else gateway.cursors.read(query.cursor, Place, of=of)
    moment = Moment([f"{merchant}.{provider}" for provider in gateway.hub.providers.remote], gateway.hub.now())
    page = await find_payments(gateway.pool, _wanted(query, merchant), moment, after=after, limit=query.limit)
    note_position(request, page.position)
    following = None if page.next is None else gateway.cursors.make(page.next, of=of)
    data = await listed_payments(gateway, page)
    return json_response(FoundPayments(object="list", data=data, has_more=following is not None, next=following))


def _faults(query: PaymentListQuery) -> Iterator[Fault]:
    """Find the faults of parameters that do not go together."""
    for first, last in RANGES:
        least, most = getattr(query, first), getattr(query, last)
        if least is not None and most is not None and least > most:
            yield Fault(f"/{first}", Refused("invalid_range", first, end=last), "query")
    if query.q is not None and not terms_of_words("", query.q):
        yield Fault("/q", Refused("no_words", "q"), "query")


def _wanted(query: PaymentListQuery, merchant: str) -> Wanted:
    ids = [name for name in (query.e2e_id, query.charge_id) if name is not None]
    terms = [term(merchant, "id", name) for name in ids]
    if query.reference is not None:
        terms.append(term(merchant, "reference", query.reference))
    if query.alert is not None:
        terms.append(term(merchant, "alert", query.alert))
    has_rare_term = bool(terms)
    if query.q is not None:
        terms += terms_of_words(merchant, query.q)
    return Wanted(
        merchant=merchant,
        status=query.status,
        methods=_methods(query),
        created=(query.created_from, query.created_to),
        paid=(query.paid_from, query.paid_to),
        amount_centavos=(query.amount_min, query.amount_max),
        terms=tuple(terms),
        has_rare_term=has_rare_term,
        is_newest_first=query.order == NEWEST_FIRST,
    )


def _methods(query: PaymentListQuery) -> tuple[tuple[str, str], ...] | None:
    """Return the matching pairs of a provider and its method; None for all pairs."""
    if query.method is None and query.provider is None:
        return None
    return tuple(
        pair for pair, method in METHODS.items() if query.method in {None, method} and query.provider in {None, pair[0]}
    )
