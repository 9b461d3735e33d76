"""The secrets of payers' tokens: rotated in interruptible steps, dropped on request, encrypted like all others."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING

import pytest

from extrato.store.payer_secrets import IN_USE, MAX_SECRETS, PENDING, CannotRotate, PayerSecrets
from extrato.store.vault import SECRET_BYTES, Vault
from extrato.store.vault_keys import FixedKeys, new_key
from extrato.store.vault_rotation import reencrypt_all

if TYPE_CHECKING:
    import asyncpg


def encoded(*keys: bytes) -> str:
    return ",".join(base64.b64encode(key).decode() for key in keys)


KEY = new_key()


@pytest.fixture
def secrets(pool: asyncpg.Pool) -> PayerSecrets:
    return PayerSecrets(pool, Vault(pool, FixedKeys(encoded(KEY))))


async def rotated(secrets: PayerSecrets) -> int:
    await secrets.begin()
    return await secrets.complete()


async def test_secret_of_an_older_version_is_the_first(pool: asyncpg.Pool, secrets: PayerSecrets):
    known = await Vault(pool, FixedKeys(encoded(KEY))).secret(IN_USE)
    assert (await secrets.read()).opening == (known,)


async def test_concurrent_first_reads_get_one_secret(secrets: PayerSecrets):
    found = await asyncio.gather(*(secrets.read() for _ in range(5)))
    assert len({each.opening for each in found}) == 1


async def test_pending_secret_verifies_before_it_signs(secrets: PayerSecrets):
    (first,) = (await secrets.read()).opening
    await secrets.begin()
    (makes, pending) = (await secrets.read()).opening
    assert makes == first
    assert await secrets.complete() == 1
    assert (await secrets.read()).opening == (pending, first)
    assert len(pending) == SECRET_BYTES
    assert await secrets.drop_old() == 1
    assert (await secrets.read()).opening == (pending,)


async def test_interrupted_rotation_keeps_its_secret(secrets: PayerSecrets):
    await secrets.begin()
    pending = (await secrets.read()).pending
    with pytest.raises(CannotRotate, match="was interrupted"):
        await secrets.drop_old()
    assert await rotated(secrets) == 1
    assert (await secrets.read()).in_use[0] == pending


async def test_concurrent_rotations_create_one_secret(secrets: PayerSecrets):
    await asyncio.gather(secrets.begin(), secrets.begin())
    assert await asyncio.gather(secrets.complete(), secrets.complete()) == [1, 1]
    assert len((await secrets.read()).opening) == 2


async def test_only_secret_is_not_dropped(secrets: PayerSecrets):
    before = await secrets.read()
    with pytest.raises(CannotRotate, match="no older secret"):
        await secrets.drop_old()
    assert await secrets.read() == before


async def test_number_of_secrets_is_bounded(secrets: PayerSecrets):
    for _ in range(MAX_SECRETS - 1):
        await rotated(secrets)
    before = await secrets.read()
    with pytest.raises(CannotRotate, match="drop the old"):
        await secrets.begin()
    assert await secrets.read() == before
    assert await secrets.drop_old() == MAX_SECRETS - 1
    assert await rotated(secrets) == 1


async def test_vault_rotation_keeps_all_payer_secrets(pool: asyncpg.Pool, secrets: PayerSecrets):
    await rotated(secrets)
    await secrets.begin()
    before, new = await secrets.read(), new_key()
    await reencrypt_all(pool, Vault(pool, FixedKeys(encoded(new, KEY))))
    assert await PayerSecrets(pool, Vault(pool, FixedKeys(encoded(new)))).read() == before


async def test_database_shows_no_payer_secret(pool: asyncpg.Pool, secrets: PayerSecrets):
    await rotated(secrets)
    await secrets.begin()
    known = await secrets.read()
    rows = await pool.fetch("SELECT sealed FROM hub_secrets WHERE name = ANY ($1)", [IN_USE, PENDING])
    assert len(rows) == 2
    assert not any(secret in row["sealed"] for secret in known.opening for row in rows)
    assert not any(repr(secret) in repr(known) for secret in known.opening)
