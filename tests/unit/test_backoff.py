"""Pauses double up to a limit, and each is shortened by a random part, at most by half."""

import pytest

from extrato.backoff import Backoff


@pytest.fixture
def bounds(monkeypatch):
    """The shortest and the longest time of each pause, in seconds; the pauses take no time."""
    pauses = []

    def uniform(shortest_s, longest_s):
        pauses.append((shortest_s, longest_s))
        return 0.0

    monkeypatch.setattr("extrato.backoff.random.uniform", uniform)
    return pauses


async def test_pauses_double_up_to_a_limit_until_a_reset(bounds):
    backoff = Backoff(first_s=1.0, longest_s=3.0)
    for _ in range(4):
        await backoff.pause()
    backoff.reset()
    await backoff.pause()
    assert bounds == [(0.5, 1.0), (1.0, 2.0), (1.5, 3.0), (1.5, 3.0), (0.5, 1.0)]
