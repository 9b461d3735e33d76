"""The ETag of a read covers its body, or what the handler names."""

from __future__ import annotations

from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from msgspec import Struct

from services.gateway.http.etags import note_covered, tagged


class Body(Struct):
    status: str


def read(body, *, covered=None, known=None):
    request = make_mocked_request("GET", "/", headers={} if known is None else {"If-None-Match": known})
    if covered is not None:
        note_covered(request, covered)
    return tagged(request, web.Response(body=body))


def test_etag_follows_the_body():
    first = read(b"a")
    assert first.headers["ETag"].startswith('"')
    assert read(b"a", known=first.headers["ETag"]).status == 304
    assert read(b"b", known=first.headers["ETag"]).status == 200


def test_etag_of_named_content_is_weak_and_ignores_the_rest_of_the_body():
    first = read(b"at noon", covered=Body("pending"))
    assert first.headers["ETag"].startswith('W/"')
    assert read(b"later", covered=Body("pending"), known=first.headers["ETag"]).status == 304
    assert read(b"later", covered=Body("approved"), known=first.headers["ETag"]).status == 200
