"""What is answered where there is no route, or not for this method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extrato.domain.errors import Refused
from services.gateway.http.answers import error_answer

if TYPE_CHECKING:
    from aiohttp import web


async def answer_nowhere(request: web.Request) -> web.StreamResponse:
    """Say 405 with the methods that there are, or 404."""
    allowed: set[str] = set()
    for resource in request.app.router.resources():
        if resource is not request.match_info.route.resource:
            allowed |= (await resource.resolve(request))[1]
    if not allowed:
        return error_answer(request, Refused("not_found", "There is nothing at this address."))
    methods = ", ".join(sorted(allowed))
    answer = error_answer(request, Refused("method_not_allowed", f"This address answers {methods}."))
    answer.headers["Allow"] = methods
    return answer
