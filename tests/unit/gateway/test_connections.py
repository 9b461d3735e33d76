"""Limits of connections by address; closed connections are forgotten."""

from __future__ import annotations

import pytest

from extrato.settings import Settings
from services.gateway.http.connections import Connections


def connections(most: int = 2, proxies: str = "") -> Connections:
    environment = {"EXTRATO_CONNECTIONS_PER_ADDRESS": str(most), "EXTRATO_TRUSTED_PROXIES": proxies}
    return Connections(Settings.from_environment(environment))


@pytest.mark.parametrize(
    ("same", "another"),
    [
        (["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"], "192.0.2.2"),
        (["2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::3"], "2001:db8:0:1::1"),
        (["fe80::1%eth0", "fe80::2%eth0", "fe80::3"], "2001:db8::1"),
    ],
)
def test_each_address_has_its_own_connection_limit(same, another):
    counted = connections()
    held = [counted.acquire(address) for address in same]
    assert [each is None for each in held] == [False, False, True]
    assert counted.acquire(another) is not None
    counted.release(held[0])
    assert counted.acquire(same[2]) == held[0]


def test_closed_connections_are_forgotten():
    counted = connections(most=1)
    held = [counted.acquire(f"192.0.2.{number}") for number in range(100)]
    assert counted.remembered == 100
    for each in held:
        counted.release(each)
    assert counted.remembered == 0
    assert counted.acquire("192.0.2.1") is not None


def test_rejected_connections_leave_nothing():
    counted = connections(most=1)
    held = counted.acquire("192.0.2.1")
    assert [counted.acquire("192.0.2.1") for _ in range(5)] == [None] * 5
    counted.release(held)
    assert counted.remembered == 0


def test_trusted_proxies_have_no_connection_limit():
    counted = connections(most=1, proxies="10.0.0.0/8,2001:db8::/32")
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1"):
        held = [counted.acquire(address) for _ in range(5)]
        assert None not in held
        for each in held:
            counted.release(each)
    assert counted.remembered == 0
    assert [counted.acquire("192.0.2.1") is None for _ in range(2)] == [False, True]
