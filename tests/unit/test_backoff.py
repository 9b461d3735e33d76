"""Pauses double up to a limit, and a random part of at most half is subtracted."""

import pytest

from extrato.backoff import Backoff


@pytest.fixture
def bounds(monkeypatch):
    """The least and the most seconds of each pause; the test does not wait for them."""
    made = []

    def uniform(least, most):
        made.append((least, most))
        return 0.0

    monkeypatch.setattr("extrato.backoff.random.uniform", uniform)
    return made


async def test_pauses_double_to_a_limit_and_restart_after_a_reset(bounds):
    backoff = Backoff(first_s=1.0, longest_s=3.0)
    for _ in range(4):
        await backoff.pause()
    backoff.reset()
    await backoff.pause()
    assert bounds == [(0.5, 1.0), (1.0, 2.0), (1.5, 3.0), (1.5, 3.0), (0.5, 1.0)]
