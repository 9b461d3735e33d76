"""Rate limits by API key and by address, and how the client's address is found behind proxies."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from extrato import token_bucket
from extrato.settings import InvalidSettings, Settings
from extrato.token_bucket import TokenBucket
from services.gateway.gateway import GATEWAY, client_address
from services.gateway.http import rate_limits as module
from services.gateway.http.caller import Caller
from services.gateway.http.rate_limits import Quota, RateLimiter, TooManyRequests
from tests.examples import loaded_payment

MERCHANT = Caller(merchant="padaria", actor="api_key", actor_id="k1")
NEIGHBOUR = Caller(merchant="padaria", actor="api_key", actor_id="k2")
PAYER = Caller(merchant=None, actor="check", actor_id=None, payment=loaded_payment())


class Clock:
    """A clock that moves only when a test sets it."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(token_bucket, "time", clock)
    return clock


def settings(**environment: str) -> Settings:
    return Settings.from_environment(environment)


@pytest.fixture
def limiter(clock) -> RateLimiter:
    del clock
    counts = {"CREATIONS": "3", "CHECKS": "2", "FAILURES": "2"}
    return RateLimiter(settings(**{f"EXTRATO_{name}_PER_MINUTE": count for name, count in counts.items()}))


# --- token buckets ---------------------------------------------------------------------------------


def test_bucket_allows_a_burst_then_refills(clock):
    bucket = TokenBucket(3)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    assert bucket.wait_s == pytest.approx(20)
    clock.now_s += 19.9
    assert not bucket.take()
    clock.now_s += 0.2
    assert bucket.take()
    assert not bucket.take()


def test_key_is_counted_across_addresses(limiter):
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        limiter.count("creations", MERCHANT, address)
    with pytest.raises(TooManyRequests) as refused:
        limiter.count("creations", MERCHANT, "192.0.2.4")
    assert refused.value.retry_after_s == pytest.approx(20)


def test_address_is_counted_across_callers(limiter):
    limiter.count("checks", PAYER, "192.0.2.1")
    limiter.count("checks", MERCHANT, "192.0.2.1")
    with pytest.raises(TooManyRequests):
        limiter.count("checks", NEIGHBOUR, "192.0.2.1")
    limiter.count("checks", PAYER, "192.0.2.2")


def test_limits_are_counted_separately(limiter):
    for _ in range(3):
        limiter.count("creations", MERCHANT, "192.0.2.1")
    limiter.count("checks", MERCHANT, "192.0.2.1")
    with pytest.raises(TooManyRequests):
        limiter.count("creations", MERCHANT, "192.0.2.1")


def test_guessing_address_is_limited(limiter, clock):
    for _ in range(2):
        limiter.record_failure("192.0.2.1")
    with pytest.raises(TooManyRequests):
        limiter.record_failure("192.0.2.1")
    limiter.record_failure("192.0.2.2")
    clock.now_s += 31
    limiter.record_failure("192.0.2.1")


def test_guessing_neighbour_does_not_lock_out_known_keys(limiter, monkeypatch):
    limiter.record_success("the key")
    for _ in range(2):
        limiter.record_failure("192.0.2.1")
    limiter.admit_attempt("192.0.2.1", "a new key")
    monkeypatch.setattr(limiter, "_overflow_budget", TokenBucket(1))
    limiter.admit_attempt("192.0.2.1", "a new key")
    with pytest.raises(TooManyRequests):
        limiter.admit_attempt("192.0.2.1", "a new key")
    limiter.admit_attempt("192.0.2.1", "the key")


def test_returning_payer_has_its_own_limit(limiter, clock):
    assert [limiter.take_return_check("padaria", 15) for _ in range(100)] == [True] * 3 + [False] * 97
    assert [limiter.take_return_check("padaria", number) for number in range(100, 697)] == [True] * 597
    assert not limiter.take_return_check("padaria", 16)
    assert limiter.take_return_check("another", 17)
    clock.now_s += 21
    assert limiter.take_return_check("padaria", 15)


def test_memory_of_rate_limiter_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "MAX_REMEMBERED", 10)
    limiter = RateLimiter(settings())
    for number in range(100):
        limiter.count("checks", PAYER, f"192.0.2.{number}")
        limiter.record_success(str(number))
    assert len(limiter._buckets) == 10
    assert len(limiter._accepted) == 10


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "10000001", "9" * 5000])
def test_invalid_limit_setting_is_rejected(text):
    with pytest.raises(InvalidSettings, match="EXTRATO_CREATIONS_PER_MINUTE"):
        settings(EXTRATO_CREATIONS_PER_MINUTE=text)


# --- addresses ----------------------------------------------------------------------------------


def address_found(remote: str, *forwarded: str, trusted: str = "") -> str:
    app = web.Application()
    app[GATEWAY] = SimpleNamespace(settings=settings(EXTRATO_TRUSTED_PROXIES=trusted))
    headers = [("X-Forwarded-For", line) for line in forwarded]
    request = make_mocked_request("GET", "/", headers=headers, app=app).clone(remote=remote)
    return client_address(request)


def test_address_is_the_peer_without_trusted_proxy():
    assert address_found("192.0.2.1", "198.51.100.7") == "192.0.2.1"


def test_trusted_proxy_forwards_client_address():
    assert address_found("10.0.0.1", "198.51.100.7", trusted="10.0.0.0/8") == "198.51.100.7"
    assert address_found("10.0.0.1", "198.51.100.7, 10.0.0.2", trusted="10.0.0.0/8") == "198.51.100.7"
    assert address_found("10.0.0.1", "198.51.100.7", "10.0.0.2", trusted="10.0.0.0/8") == "198.51.100.7"


def test_untrusted_forwarded_address_is_ignored():
    assert address_found("10.0.0.1", "1.1.1.1, 198.51.100.7", trusted="10.0.0.0/8") == "198.51.100.7"
    assert address_found("192.0.2.1", "1.1.1.1", trusted="10.0.0.0/8") == "192.0.2.1"


def test_proxy_without_header_is_the_address():
    assert address_found("10.0.0.1", trusted="10.0.0.0/8") == "10.0.0.1"
    assert address_found("10.0.0.1", "", trusted="10.0.0.0/8") == "10.0.0.1"


@pytest.mark.parametrize(
    "written", ["198.51.100.7", "198.51.100.7:5678", "::ffff:198.51.100.7", "[::ffff:198.51.100.7]:443"]
)
def test_forwarded_address_forms_are_read(written):
    assert address_found("::ffff:10.0.0.1", written, trusted="10.0.0.0/8") == "198.51.100.7"


def test_ipv6_network_counts_as_one_address():
    assert address_found("2001:db8:1:2::1") == address_found("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert address_found("2001:db8:1:3::1") != address_found("2001:db8:1:2::1")


@given(st.lists(st.text(max_size=30).filter(lambda text: "\r" not in text and "\n" not in text), max_size=5))
def test_any_forwarded_header_gives_an_address(lines):
    encodable = [line.encode(errors="replace").decode() for line in lines]
    assert isinstance(address_found("10.0.0.1", *encodable, trusted="10.0.0.0/8"), str)


def test_invalid_trusted_networks_are_rejected():
    with pytest.raises(InvalidSettings, match="EXTRATO_TRUSTED_PROXIES"):
        settings(EXTRATO_TRUSTED_PROXIES="10.0.0.0/8, everybody")


# --- what is left ----------------------------------------------------------------------------------


def quota_of(limiter: RateLimiter, address: str) -> Quota:
    return limiter.quota(limiter.buckets("creations", MERCHANT, address))


def test_quota_is_that_of_the_tighter_bucket(limiter, clock):
    assert (quota_of(limiter, "192.0.2.1").left, clock.now_s) == (3, 1000)
    limiter.count("creations", MERCHANT, "192.0.2.1")
    limiter.count("creations", MERCHANT, "192.0.2.2")
    quota = quota_of(limiter, "192.0.2.2")
    assert (quota.per_minute, quota.left, quota.reset_s) == (3, 1, pytest.approx(40))


def test_quota_that_is_used_up_says_when_the_next_request_may_come(limiter, clock):
    for _ in range(3):
        limiter.count("creations", MERCHANT, "192.0.2.1")
    with pytest.raises(TooManyRequests) as refused:
        limiter.count("creations", MERCHANT, "192.0.2.1")
    quota = quota_of(limiter, "192.0.2.1")
    assert (quota.left, quota.reset_s) == (0, pytest.approx(refused.value.retry_after_s))
    clock.now_s += quota.reset_s
    limiter.count("creations", MERCHANT, "192.0.2.1")
