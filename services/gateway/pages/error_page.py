"""The pages for errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.gateway.pages.layout import not_found, too_many, unavailable

if TYPE_CHECKING:
    from aiohttp import web

    from contracts.errors import CataloguedError

TOO_MANY_REQUESTS: Final = 429
SERVER_ERRORS: Final = 500


def page_error(_request: web.Request, _told: CataloguedError, status: int, _headers: dict[str, str]) -> web.Response:
    """Show one of three pages: not found, unavailable, too many requests. A stranger gets no details."""
    if status == TOO_MANY_REQUESTS:
        return too_many()
    return unavailable() if status >= SERVER_ERRORS else not_found()
