"""Random bytes: enough, different, and not shared with a fork."""

from __future__ import annotations

import os

from extrato.identifiers import POOL_BYTES, RandomBytes


def test_random_bytes_are_never_repeated():
    draw = RandomBytes(12)
    drawn = [draw() for _ in range(3 * POOL_BYTES // 12)]

    assert {len(each) for each in drawn} == {12}
    assert len(set(drawn)) == len(drawn)


def test_fork_draws_other_bytes():
    draw = RandomBytes(12)
    draw()
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, draw())
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(read, 12) != draw()
