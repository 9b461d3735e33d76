"""How often one key or one address may do what costs something, and where a request comes from."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from extrato.settings import InvalidSettings, Settings
from services.gateway.gateway import GATEWAY, client_address
from services.gateway.http import limits as module
from services.gateway.http.caller import Caller
from services.gateway.http.limits import Allowance, Limits, TooManyRequests
from tests.examples import loaded_payment

MERCHANT = Caller(merchant="padaria", actor="api_key", actor_id="k1")
NEIGHBOUR = Caller(merchant="padaria", actor="api_key", actor_id="k2")
PAYER = Caller(merchant=None, actor="check", actor_id=None, payment=loaded_payment())


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def settings(**environment: str) -> Settings:
    return Settings.from_environment(environment)


@pytest.fixture
def limits(clock) -> Limits:
    del clock
    counts = {"CREATIONS": "3", "CHECKS": "2", "FAILURES": "2"}
    return Limits(settings(**{f"EXTRATO_{name}_PER_MINUTE": count for name, count in counts.items()}))


# --- allowances ---------------------------------------------------------------------------------


def test_as_many_as_a_minute_allows_may_come_at_once_and_then_one_after_the_other(clock):
    allowance = Allowance(3)
    assert [allowance.take() for _ in range(4)] == [True, True, True, False]
    assert allowance.wait_s == pytest.approx(20)
    clock.now_s += 19.9
    assert not allowance.take()
    clock.now_s += 0.2
    assert allowance.take()
    assert not allowance.take()


def test_a_key_is_counted_wherever_it_comes_from(limits):
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        limits.count("creations", MERCHANT, address)
    with pytest.raises(TooManyRequests) as refused:
        limits.count("creations", MERCHANT, "192.0.2.4")
    assert refused.value.retry_after_s == pytest.approx(20)


def test_an_address_is_counted_whoever_comes_from_it(limits):
    limits.count("checks", PAYER, "192.0.2.1")
    limits.count("checks", MERCHANT, "192.0.2.1")
    with pytest.raises(TooManyRequests):
        limits.count("checks", NEIGHBOUR, "192.0.2.1")
    limits.count("checks", PAYER, "192.0.2.2")


def test_one_kind_of_request_does_not_use_up_another(limits):
    for _ in range(3):
        limits.count("creations", MERCHANT, "192.0.2.1")
    limits.count("checks", MERCHANT, "192.0.2.1")
    with pytest.raises(TooManyRequests):
        limits.count("creations", MERCHANT, "192.0.2.1")


def test_who_guesses_is_told_to_wait(limits, clock):
    for _ in range(2):
        limits.failed("192.0.2.1")
    with pytest.raises(TooManyRequests):
        limits.failed("192.0.2.1")
    limits.failed("192.0.2.2")
    clock.now_s += 31
    limits.failed("192.0.2.1")


def test_a_neighbour_who_guesses_locks_nobody_out(limits, monkeypatch):
    limits.succeeded("the key")
    for _ in range(2):
        limits.failed("192.0.2.1")
    limits.allow_attempt("192.0.2.1", "a new key")
    monkeypatch.setattr(limits, "_second_looks", Allowance(1))
    limits.allow_attempt("192.0.2.1", "a new key")
    with pytest.raises(TooManyRequests):
        limits.allow_attempt("192.0.2.1", "a new key")
    limits.allow_attempt("192.0.2.1", "the key")


def test_a_payer_who_comes_back_again_and_again_uses_up_nothing_of_the_others(limits, clock):
    assert [limits.take_return("padaria", 15) for _ in range(100)] == [True] * 3 + [False] * 97
    assert [limits.take_return("padaria", number) for number in range(100, 697)] == [True] * 597
    assert not limits.take_return("padaria", 16)
    assert limits.take_return("another", 17)
    clock.now_s += 21
    assert limits.take_return("padaria", 15)


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED", 10)
    limits = Limits(settings())
    for number in range(100):
        limits.count("checks", PAYER, f"192.0.2.{number}")
        limits.succeeded(str(number))
    assert len(limits._allowances) == 10
    assert len(limits._accepted) == 10


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "10000001", "9" * 5000])
def test_a_limit_that_is_no_count_is_refused(text):
    with pytest.raises(InvalidSettings, match="EXTRATO_CREATIONS_PER_MINUTE"):
        settings(EXTRATO_CREATIONS_PER_MINUTE=text)


# --- addresses ----------------------------------------------------------------------------------


def came_from(remote: str, *forwarded: str, trusted: str = "") -> str:
    app = web.Application()
    app[GATEWAY] = SimpleNamespace(settings=settings(EXTRATO_TRUSTED_PROXIES=trusted))
    headers = [("X-Forwarded-For", line) for line in forwarded]
    request = make_mocked_request("GET", "/", headers=headers, app=app).clone(remote=remote)
    return client_address(request)


def test_without_a_trusted_proxy_the_connection_tells_the_address():
    assert came_from("192.0.2.1", "198.51.100.7") == "192.0.2.1"


def test_a_trusted_proxy_tells_who_came_to_it():
    assert came_from("10.0.0.1", "198.51.100.7", trusted="10.0.0.0/8") == "198.51.100.7"
    assert came_from("10.0.0.1", "198.51.100.7, 10.0.0.2", trusted="10.0.0.0/8") == "198.51.100.7"
    assert came_from("10.0.0.1", "198.51.100.7", "10.0.0.2", trusted="10.0.0.0/8") == "198.51.100.7"


def test_what_a_stranger_wrote_before_the_proxy_is_not_believed():
    assert came_from("10.0.0.1", "1.1.1.1, 198.51.100.7", trusted="10.0.0.0/8") == "198.51.100.7"
    assert came_from("192.0.2.1", "1.1.1.1", trusted="10.0.0.0/8") == "192.0.2.1"


def test_a_proxy_that_says_nothing_is_counted_itself():
    assert came_from("10.0.0.1", trusted="10.0.0.0/8") == "10.0.0.1"
    assert came_from("10.0.0.1", "", trusted="10.0.0.0/8") == "10.0.0.1"


@pytest.mark.parametrize(
    "written", ["198.51.100.7", "198.51.100.7:5678", "::ffff:198.51.100.7", "[::ffff:198.51.100.7]:443"]
)
def test_an_address_is_read_as_proxies_write_it(written):
    assert came_from("::ffff:10.0.0.1", written, trusted="10.0.0.0/8") == "198.51.100.7"


def test_one_household_of_the_newer_addresses_is_counted_together():
    assert came_from("2001:db8:1:2::1") == came_from("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert came_from("2001:db8:1:3::1") != came_from("2001:db8:1:2::1")


@given(st.lists(st.text(max_size=30).filter(lambda text: "\r" not in text and "\n" not in text), max_size=5))
def test_no_header_breaks_the_search(lines):
    encodable = [line.encode(errors="replace").decode() for line in lines]
    assert isinstance(came_from("10.0.0.1", *encodable, trusted="10.0.0.0/8"), str)


def test_networks_that_are_none_are_refused():
    with pytest.raises(InvalidSettings, match="EXTRATO_TRUSTED_PROXIES"):
        settings(EXTRATO_TRUSTED_PROXIES="10.0.0.0/8, everybody")
