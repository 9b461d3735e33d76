"""A read waits until its read model shows a position of this log; every other position is unknown."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from uuid import uuid4

import pytest

from extrato.domain.errors import Refused
from extrato.store.identity import LogIdentity
from services.gateway.http import positions
from services.gateway.http.positions import Positions, ReadModelBehind
from tests.pace import within

READ_MODEL = "payment_details"


@pytest.fixture
async def site(pool):
    """A log with three events, of which the read model has applied two."""
    for version in (1, 2, 3):
        await pool.execute("INSERT INTO stored_events VALUES ($1, $2, 'X.v1', '')", uuid4(), version)
    await pool.execute("INSERT INTO checkpoints VALUES ($1, 1, 2)", READ_MODEL)
    identity = LogIdentity(pool)
    read = await identity.read()
    feed = SimpleNamespace(position=3, epoch=read.epoch)
    site = SimpleNamespace(
        pool=pool, identity=identity, feed=feed, positions=Positions(pool, identity, feed, log_id=read.log_id)
    )
    yield site
    await site.positions.close()


async def refusal(site, text, read_model=READ_MODEL):
    with pytest.raises(Refused) as refused:
        await site.positions.wait(text, read_model=read_model)
    return refused.value.code


async def test_reached_position_does_not_wait(site, monkeypatch):
    monkeypatch.setattr(positions, "WAIT_S", 60.0)
    async with within(5):
        await site.positions.wait(site.positions.text(2), read_model=READ_MODEL)
        await site.positions.wait(site.positions.text(3), read_model=None)


async def test_read_waits_for_its_read_model(site, monkeypatch):
    monkeypatch.setattr(positions, "WAIT_S", 60.0)
    waiting = asyncio.gather(*(site.positions.wait(site.positions.text(3), read_model=READ_MODEL) for _ in range(20)))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await site.pool.execute("UPDATE checkpoints SET position = 3")
    async with within(5):
        await waiting


async def test_read_model_that_does_not_come_is_an_error(site, monkeypatch):
    monkeypatch.setattr(positions, "WAIT_S", 0.1)
    with pytest.raises(ReadModelBehind) as behind:
        await site.positions.wait(site.positions.text(3), read_model=READ_MODEL)
    assert behind.value.retry_after_s >= 1


async def test_read_model_that_is_being_built_is_an_error_that_says_so(site, monkeypatch):
    monkeypatch.setattr(positions, "WAIT_S", 0.1)
    for reading in (
        site.positions.wait_for_head("statement"),
        site.positions.wait(site.positions.text(0), read_model="statement"),
        site.positions.wait(site.positions.text(3), read_model="statement"),
    ):
        with pytest.raises(ReadModelBehind) as behind:
            await reading
        assert "still building" in behind.value.message
        assert behind.value.retry_after_s == positions.BUILT_AFTER_S


@pytest.mark.parametrize("read_model", [None, READ_MODEL, "merchants"])
async def test_position_beyond_the_head_is_unknown(site, read_model):
    assert await refusal(site, site.positions.text(4), read_model) == "position_unknown"


async def test_position_of_another_hub_is_unknown(site):
    other = Positions(site.pool, site.identity, site.feed, log_id=uuid4())
    assert await refusal(site, other.text(1)) == "position_unknown"


async def test_position_that_a_restore_took_away_is_unknown(site):
    kept, lost = site.positions.text(1), site.positions.text(2)
    began = await site.identity.begin_epoch(site.feed.epoch, last_common=1, reason="restored")
    site.feed.epoch = began.epoch
    assert await refusal(site, lost) == "position_unknown"
    await site.positions.wait(kept, read_model=READ_MODEL)
    assert kept != site.positions.text(1)


async def test_position_of_the_next_epoch_is_known_before_this_process_follows(site):
    began = await site.identity.begin_epoch(site.feed.epoch, last_common=3, reason="restored")
    ahead = SimpleNamespace(position=3, epoch=began.epoch)
    other = Positions(site.pool, site.identity, ahead, log_id=(await site.identity.read()).log_id)
    await site.positions.wait(other.text(2), read_model=READ_MODEL)
    ahead.epoch += 1
    assert await refusal(site, other.text(2)) == "position_unknown"


@pytest.mark.parametrize("epoch", [-(2**63), -1, 0, 2**31, 2**64 - 1])
async def test_position_with_an_impossible_epoch_is_unknown(site, epoch):
    forged = Positions(
        site.pool, site.identity, SimpleNamespace(position=1, epoch=epoch), log_id=(await site.identity.read()).log_id
    )
    assert await refusal(site, forged.text(1)) == "position_unknown"


@pytest.mark.parametrize("position", [-(2**63), -1])
async def test_negative_position_is_unknown(site, position):
    assert await refusal(site, site.positions.text(position)) == "position_unknown"


def test_position_that_this_process_appended_counts_until_the_log_goes_back():
    feed = SimpleNamespace(position=7, epoch=1)
    made = Positions(None, None, feed, log_id=uuid4())
    made.note_appended(9)
    assert (made.newest, made.text(None)) == (9, made.text(9))
    feed.position, feed.epoch = 5, 2
    assert made.newest == 5


def test_equal_positions_have_equal_texts():
    feed = SimpleNamespace(position=7, epoch=1)
    made = Positions(None, None, feed, log_id=uuid4())
    assert made.text(7) == made.text(None) != made.text(8)
