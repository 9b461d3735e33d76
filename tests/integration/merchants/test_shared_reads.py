"""Callers who need a merchant at the same time share one read of the log, and none gets an older merchant by that."""

from __future__ import annotations

import asyncio

import pytest

from contracts.envelope import Cause
from extrato.assembly import open_hub
from extrato.domain import merchant as domain
from extrato.domain.api_keys import RevokeApiKey
from extrato.errors import StoreUnavailable
from extrato.settings import Settings
from extrato.use_cases.change_merchant import change_merchant, new_api_key
from extrato.use_cases.merchant_directory import MerchantDirectory, key_id_of

CAUSE = Cause(correlation_id="test", actor="operator")
SLUG = "padaria-da-ana"


class HeldLog:
    """Reads streams, and returns each when it may."""

    def __init__(self, log):
        self._log = log
        self.reads = 0
        self.has_read = asyncio.Event()
        self.may_return = asyncio.Event()

    async def read_stream(self, stream_id):
        self.reads += 1
        history = await self._log.read_stream(stream_id)
        self.has_read.set()
        await self.may_return.wait()
        return history


class BrokenLog:
    async def read_stream(self, _):
        raise StoreUnavailable


@pytest.fixture
async def hub(emptied_database_url, pool, tmp_path):
    settings = Settings.from_environment({"EXTRATO_DATABASE_URL": emptied_database_url, "EXTRATO_HOME": str(tmp_path)})
    async with open_hub(settings, pool=pool, bus=None) as hub:
        yield hub


@pytest.fixture
def database_url(emptied_database_url):
    return emptied_database_url


@pytest.fixture
async def api_key(hub):
    key, issue = new_api_key(SLUG)
    await change_merchant(hub, SLUG, [domain.Register(slug=SLUG, name="Ana", city="Recife"), issue], cause=CAUSE)
    return key


@pytest.fixture
def log(hub):
    return HeldLog(hub.log)


async def begin(log, *calls):
    """Start calls, and wait until one of them has read."""
    log.has_read.clear()
    tasks = [asyncio.create_task(call) for call in calls]
    await log.has_read.wait()
    return tasks


async def test_concurrent_callers_share_one_read(api_key, log):
    directory = MerchantDirectory(log)
    tasks = await begin(log, *(directory.authenticate(api_key) for _ in range(20)), directory.find(SLUG))
    log.may_return.set()
    *keys, merchant = await asyncio.gather(*tasks)
    assert {key.key_id for key in keys} == {key_id_of(api_key)}
    assert (merchant.slug, log.reads) == (SLUG, 1)


async def test_error_is_raised_to_each_caller():
    directory = MerchantDirectory(BrokenLog())
    raised = await asyncio.gather(directory.find(SLUG), directory.find(SLUG), return_exceptions=True)
    assert [type(each) for each in raised] == [StoreUnavailable, StoreUnavailable]


async def test_cancelled_caller_does_not_cancel_the_read_of_others(api_key, log):
    directory = MerchantDirectory(log)
    leaving, staying = await begin(log, directory.find(SLUG), directory.find(SLUG))
    leaving.cancel()
    log.may_return.set()
    assert (await staying).slug == SLUG
    assert leaving.cancelled()


async def test_caller_after_a_change_shares_no_read_from_before(hub, api_key, log):
    directory = MerchantDirectory(log)
    before = await begin(log, directory.authenticate(api_key))
    await change_merchant(hub, SLUG, [RevokeApiKey(key_id=key_id_of(api_key))], cause=CAUSE)
    directory.forget(SLUG)
    after = await begin(log, directory.authenticate(api_key))
    log.may_return.set()
    assert await asyncio.gather(*after) == [None]
    # Nor does the read from before the change stay in the cache.
    await asyncio.gather(*before)
    assert await directory.authenticate(api_key) is None


async def test_uncached_caller_shares_no_read(hub, api_key, log):
    directory = MerchantDirectory(log)
    before = await begin(log, directory.authenticate(api_key))
    # Another process revokes the key.
    await change_merchant(hub, SLUG, [RevokeApiKey(key_id=key_id_of(api_key))], cause=CAUSE)
    after = await begin(log, directory.authenticate_uncached(api_key))
    log.may_return.set()
    assert await asyncio.gather(*after) == [None]
    await asyncio.gather(*before)


async def test_read_that_takes_long_is_not_shared(api_key, log, monkeypatch):
    monkeypatch.setattr("extrato.use_cases.merchant_directory.MERCHANT_CACHE_S", 0.0)
    directory = MerchantDirectory(log)
    tasks = await begin(log, directory.find(SLUG), directory.find(SLUG))
    log.may_return.set()
    await asyncio.gather(*tasks)
    assert log.reads == 2
