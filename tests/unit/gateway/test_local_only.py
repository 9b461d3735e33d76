"""Open mode answers only requests from this machine."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from extrato.domain.errors import Refused
from services.gateway.http.local_only import refuse_unless_local


def is_accepted(*headers: tuple[str, str], host: str = "127.0.0.1:8000") -> bool:
    try:
        refuse_unless_local(make_mocked_request("GET", "/", headers=[("Host", host), *headers]))
    except Refused:
        return False
    return True


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]", "[::1]:8000"])
def test_request_to_this_machine_is_accepted(host):
    assert is_accepted(host=host)


@pytest.mark.parametrize(
    "host",
    [
        "hub.example",
        "hub.example:8000",
        "127.0.0.1.hub.example",
        "hub.example@127.0.0.1",
        "@127.0.0.1",
        "127.0.0.1/hub.example",
        "127.0.0.1#hub.example",
        "127.0.0.1:port",
        "[::1",
        "::1",
        "",
    ],
)
def test_request_to_foreign_host_is_rejected(host):
    assert not is_accepted(host=host)


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:5173"])
def test_local_page_is_accepted(origin):
    assert is_accepted(("Origin", origin))


@pytest.mark.parametrize(
    "origin", ["http://hub.example", "null", "", "http://[", "http://hub.example@localhost", "localhost"]
)
def test_foreign_page_is_rejected(origin):
    assert not is_accepted(("Origin", origin))
    assert not is_accepted(("Origin", "http://localhost:3000"), ("Origin", origin))


@pytest.mark.parametrize(
    "added",
    [
        [("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Host", "localhost:3000")],
        [("X-Forwarded-For", "::1"), ("X-Forwarded-For", "::ffff:127.0.0.1"), ("X-Forwarded-Port", "3000")],
        [("X-Forwarded-For", "127.0.0.1:54321, ::1"), ("X-Real-IP", "127.0.0.1"), ("X-Forwarded-Proto", "http")],
        [("Forwarded", 'for=127.0.0.1;host=localhost:3000;proto=http, For="[::1]:4711"')],
        [("X-Forwarded-Host", "localhost:3000")],
        [("X-Forwarded-Server", "localhost"), ("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Prefix", "/hub")],
        [("X-Real-IP", "::1")],
        [("Forwarded", "by=127.0.0.1")],
    ],
)
def test_local_development_proxy_is_accepted(added):
    assert is_accepted(*added)


@pytest.mark.parametrize(
    "added",
    [
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Forwarded-For", "127.0.0.1, 203.0.113.9"),
        ("X-Forwarded-For", "203.0.113.9, 127.0.0.1"),
        ("X-Forwarded-For", "unknown"),
        ("X-Forwarded-For", "2001:db8::1"),
        ("X-Forwarded-Host", "hub.example"),
        ("X-Forwarded-Host", "localhost, hub.example"),
        ("X-Real-IP", "203.0.113.9"),
        ("Forwarded", "for=203.0.113.9"),
        ("Forwarded", "for=127.0.0.1, for=203.0.113.9"),
        ("Forwarded", "proto=https;host=hub.example"),
        ("Forwarded", "for=_hidden"),
        ("Forwarded", "for"),
        ("Forwarded", "proto=http"),
        ("Forwarded", "for=127.0.0.1,"),
        ("Forwarded", ""),
        ("X-Forwarded-For", ""),
        ("X-Forwarded-For", "127.0.0.1,"),
        ("X-Forwarded-For", ", 127.0.0.1"),
        ("X-Real-IP", ""),
        ("X-Forwarded-Server", "hub.example"),
        ("X-Forwarded-By", "203.0.113.9"),
        ("X-Forwarded-User", "ana"),
        ("X_Forwarded_For", "203.0.113.9"),
    ],
)
def test_tunnelled_request_is_rejected(added):
    assert not is_accepted(added)
    assert not is_accepted((added[0], "127.0.0.1" if added[0] != "Forwarded" else "for=127.0.0.1"), added)


@pytest.mark.parametrize(
    "value", ["203.0.113.9", "127.0.0.1", "::1", "localhost", "1.1 proxy.example", "1.1 vegur", ""]
)
@pytest.mark.parametrize(
    "name",
    [
        "Via",
        "VIA",
        "Do-Connecting-Ip",
        "Incap-Client-IP",
        "X-Sucuri-ClientIP",
        "X-Nf-Client-Connection-Ip",
        "Proxy-Client-IP",
        "WL-Proxy-Client-IP",
        "Forwarded-Host",
        "X-Original-Host",
        "Fastly-FF",
        "Akamai-Origin-Hop",
        "Client_IP",
        "CF-Connecting-IP",
        "CF-Connecting-IPv6",
        "CF-Ray",
        "True-Client-IP",
        "X-Client-IP",
        "x-client-ip",
        "X-Cluster-Client-IP",
        "X-Forwarded",
        "Forwarded-For",
        "Fastly-Client-IP",
        "Fly-Client-IP",
        "X-Original-Forwarded-For",
        "X-Envoy-External-Address",
        "X-Appengine-User-IP",
        "X-Azure-ClientIP",
        "CDN-Loop",
        "Tailscale-User-Login",
    ],
)
def test_network_only_header_is_rejected_with_any_value(name, value):
    assert not is_accepted((name, value))
    assert not is_accepted((name, value), ("X-Forwarded-For", "127.0.0.1"))


@pytest.mark.parametrize("site", ["same-origin", "same-site", "none"])
def test_same_site_and_user_requests_are_accepted(site):
    assert is_accepted(("Sec-Fetch-Site", site))


def test_cross_site_request_needs_local_origin():
    """Browsers treat `localhost` and `127.0.0.1` as two sites; a fetch sends its origin, a picture none."""
    assert not is_accepted(("Sec-Fetch-Site", "cross-site"))
    assert not is_accepted(("Sec-Fetch-Site", "none"), ("Sec-Fetch-Site", "cross-site"))
    assert not is_accepted(("Sec-Fetch-Site", "cross-site"), ("Origin", "http://hub.example"))
    assert not is_accepted(("Sec-Fetch-Site", "cross-site"), ("Origin", "null"))
    assert is_accepted(("Sec-Fetch-Site", "cross-site"), ("Origin", "http://localhost:3000"))


@pytest.mark.parametrize("name", ["User-Agent", "X-Correlation-Id", "X-Forwarded-Proto", "X-Forwarded-Port", "Referer"])
def test_header_that_names_no_machine_is_accepted(name):
    assert is_accepted((name, "https"))


@given(st.text(max_size=40).filter(lambda text: not {"\r", "\n"} & set(text)))
def test_any_header_is_accepted_or_rejected(text):
    encodable = text.encode(errors="replace").decode()
    for name in ("Origin", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "Sec-Fetch-Site"):
        assert is_accepted((name, encodable)) in {True, False}
    assert is_accepted(host=encodable) in {True, False}
