"""`/checkout/preferences`: create, get, update, expire, search.

Source: mercadopago OpenAPI, "Preferences". Idempotency keys have no effect: two equal requests create two links.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from services.sandbox.api.preference_request import check_terms, read_date
from services.sandbox.bodies.preference import preference_body, preference_summary
from services.sandbox.state.clock import api_instant
from services.sandbox.state.errors import bad_preference, not_found
from services.sandbox.state.json_body import answer, read_object
from services.sandbox.state.records import Preference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from services.sandbox.simulator import Simulator
    from services.sandbox.state.accounts import Account

_SEARCHED_DAYS = 90
_DEFAULT_LIMIT = 30
_MAX_LIMIT = 100


async def create_preference(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Create a preference, 201."""
    terms = await read_object(request)
    preference = _with_terms(
        Preference(
            preference_id=f"{account.collector_id}-{uuid.uuid4()}",
            collector_id=account.collector_id,
            created_ms=sim.clock.now_ms(),
            total_centavos=0,
            terms={},
        ),
        terms,
    )
    sim.store.save_preference(preference)
    return answer(
        preference_body(preference, account=account, public_url=sim.settings.public_url, clock=sim.clock), status=201
    )


async def get_preference(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Answer one preference of this merchant."""
    return answer(
        preference_body(
            _find(sim, account, request), account=account, public_url=sim.settings.public_url, clock=sim.clock
        )
    )


async def update_preference(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Replace the named terms and keep the others, 200."""
    return _update(sim, account, request, await read_object(request))


async def expire_preference(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Close a preference at once, 200; only the provider's newest OpenAPI has this route."""
    closed = {"expires": True, "expiration_date_to": api_instant(sim.clock.now_ms())}
    return _update(sim, account, request, closed)


async def search_preferences(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Search the preferences of the last 90 days, newest first, with the fields that the Node SDK declares."""
    query = request.query
    limit, offset = _page(query)
    since_ms = sim.clock.now_ms() - _SEARCHED_DAYS * 86_400_000
    reference = query.get("external_reference")
    named = sim.store.preferences_of_reference(reference) if reference else sim.store.preferences.values()
    found = [
        preference_summary(preference, account=account)
        for preference in named
        if preference.collector_id == account.collector_id and preference.created_ms >= since_ms
    ]
    found = [each for each in reversed(found) if _matches(each, query)]
    return answer({"elements": found[offset : offset + limit], "next_offset": offset + limit, "total": len(found)})


def is_open(preference: Preference, *, sim: Simulator) -> bool:
    """Return True while a payer can pay the link, by `expires` and its two dates."""
    now_ms = sim.clock.now_ms()
    opens_ms, closes_ms = preference.opens_ms, preference.closes_ms
    if opens_ms is not None and now_ms < sim.clock.arrival_ms(preference.created_ms, opens_ms):
        return False
    return closes_ms is None or now_ms < sim.clock.arrival_ms(preference.created_ms, closes_ms)


def _update(sim: Simulator, account: Account, request: web.Request, changes: dict[str, Any]) -> web.Response:
    known = _find(sim, account, request)
    preference = _with_terms(known, {**known.terms, **changes})
    preference = msgspec.structs.replace(preference, updated_ms=sim.clock.now_ms())
    sim.store.save_preference(preference)
    return answer(_shown(sim, account, preference))


def _with_terms(preference: Preference, terms: dict[str, Any]) -> Preference:
    total_centavos = check_terms(terms)
    opens_ms, closes_ms = read_date(terms, "expiration_date_from"), read_date(terms, "expiration_date_to")
    is_limited = terms.get("expires") is True
    return msgspec.structs.replace(
        preference,
        terms=terms,
        total_centavos=total_centavos,
        opens_ms=opens_ms if is_limited else None,
        closes_ms=closes_ms if is_limited else None,
        payments_due_ms=read_date(terms, "date_of_expiration"),
    )


def _shown(sim: Simulator, account: Account, preference: Preference) -> dict[str, Any]:
    return preference_body(preference, account=account, public_url=sim.settings.public_url, clock=sim.clock)


def _find(sim: Simulator, account: Account, request: web.Request) -> Preference:
    preference = sim.store.preferences.get(request.match_info["preference_id"])
    if preference is None or preference.collector_id != account.collector_id:
        raise not_found("preference not found")
    return preference


def _matches(summary: dict[str, Any], query: Mapping[str, str]) -> bool:
    return all(
        str(summary[name]) == query[name] for name in ("site_id", "marketplace", "sponsor_id") if query.get(name)
    )


def _page(query: Mapping[str, str]) -> tuple[int, int]:
    try:
        limit, offset = int(query.get("limit") or _DEFAULT_LIMIT), int(query.get("offset") or 0)
    except ValueError as error:
        raise bad_preference("bad_request", "invalid paging") from error
    return max(0, min(limit, _MAX_LIMIT)), max(0, offset)
