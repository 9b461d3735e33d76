"""A rotation of the vault's key works in batches, can be resumed, and respects concurrent appends and destructions."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING

import pytest

from extrato.store import vault_rotation
from extrato.store.personal_data import EMAIL, PersonalData
from extrato.store.vault import Vault
from extrato.store.vault_keys import FixedKeys, InvalidVaultKey, KeyFile, new_key
from extrato.store.vault_rotation import check_all_decrypt, reencrypt_all
from tests.pace import until

if TYPE_CHECKING:
    from pathlib import Path

    import asyncpg

PAYMENTS = range(1, 21)
ANA = "ana@example.com"
DESTROY = "UPDATE payment_keys SET sealed = NULL, destroyed_at = clock_timestamp() WHERE payment_id = $1"
SEALED = "SELECT payment_id, sealed FROM payment_keys ORDER BY payment_id"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "home" / "secret.key"


@pytest.fixture
def keys(key_file: Path) -> KeyFile:
    return KeyFile(key_file, may_create=True)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault_rotation, "BATCH", 3)


@pytest.fixture
async def sealed(pool: asyncpg.Pool, keys: KeyFile) -> dict[int, str]:
    """The sealed e-mail address of each payment."""
    return {number: await seal_for(PersonalData(pool, Vault(pool, keys)), number) for number in PAYMENTS}


async def seal_for(data: PersonalData, number: int) -> str:
    key = await data.keys.get_or_make(number)
    assert key is not None
    text = key.seal(ANA, EMAIL)
    assert text is not None
    return text


async def opened(pool: asyncpg.Pool, keys: KeyFile | FixedKeys, sealed: dict[int, str]) -> set[str | None]:
    """The texts that another process opens with these keys of the vault."""
    return set(await PersonalData(pool, Vault(pool, keys)).open_all(list(sealed.items())))


def only_first(keys: KeyFile) -> FixedKeys:
    return FixedKeys(base64.b64encode(keys.current()[0]).decode())


async def test_all_keys_are_encrypted_again_and_the_next_run_changes_nothing(pool, keys: KeyFile, sealed):
    before = await pool.fetch(SEALED)
    keys.add_current(new_key())

    assert await reencrypt_all(pool, Vault(pool, keys)) == len(PAYMENTS)
    after = await pool.fetch(SEALED)

    assert not {row["sealed"] for row in before} & {row["sealed"] for row in after}
    assert await opened(pool, only_first(keys), sealed) == {ANA}
    assert await reencrypt_all(pool, Vault(pool, keys)) == 0
    assert await pool.fetch(SEALED) == after


async def test_interrupted_rotation_continues_where_it_ended(pool, keys: KeyFile, sealed):
    keys.add_current(new_key())

    def end_after_two_batches(_table: str, read: int, _changed: int) -> None:
        if read == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await reencrypt_all(pool, Vault(pool, keys), on_progress=end_after_two_batches)

    assert await opened(pool, keys, sealed) == {ANA}
    assert await reencrypt_all(pool, Vault(pool, keys)) == len(PAYMENTS) - 6
    assert await opened(pool, only_first(keys), sealed) == {ANA}


async def test_progress_counts_rows_of_each_table(pool, keys: KeyFile, sealed):
    keys.add_current(new_key())
    told: list[tuple[str, int, int]] = []
    await reencrypt_all(pool, Vault(pool, keys), on_progress=lambda *facts: told.append(facts))

    of_keys = [(read, changed) for table, read, changed in told if table == "payment_keys"]
    assert of_keys[:2] == [(3, 3), (6, 6)]
    assert of_keys[-1] == (len(PAYMENTS), 0)


async def test_key_destroyed_meanwhile_stays_destroyed(pool, keys: KeyFile, sealed):
    keys.add_current(new_key())
    async with pool.acquire() as connection:
        forgetting = connection.transaction()
        await forgetting.start()
        await connection.execute(DESTROY, 5)
        rotating = asyncio.create_task(reencrypt_all(pool, Vault(pool, keys)))
        await until_waiting(pool)
        await forgetting.commit()
        assert await rotating == len(PAYMENTS) - 1

    assert await pool.fetchval("SELECT sealed FROM payment_keys WHERE payment_id = 5") is None
    del sealed[5]
    assert await opened(pool, only_first(keys), sealed) == {ANA}


async def test_destruction_that_is_rolled_back_loses_no_key(pool, keys: KeyFile, sealed):
    keys.add_current(new_key())
    async with pool.acquire() as connection:
        forgetting = connection.transaction()
        await forgetting.start()
        await connection.execute(DESTROY, 5)
        rotating = asyncio.create_task(reencrypt_all(pool, Vault(pool, keys)))
        await until_waiting(pool)
        await forgetting.rollback()
        assert await rotating == len(PAYMENTS)

    assert await opened(pool, only_first(keys), sealed) == {ANA}


@pytest.mark.usefixtures("sealed")
async def test_append_that_holds_several_keys_does_not_deadlock(pool, keys: KeyFile):
    """An append locks the keys of its payments in any order, as this transaction does."""
    keys.add_current(new_key())
    lock = "SELECT 1 FROM payment_keys WHERE payment_id = $1 FOR SHARE"
    async with pool.acquire() as connection:
        append = connection.transaction()
        await append.start()
        await connection.execute(lock, 2)
        rotating = asyncio.create_task(reencrypt_all(pool, Vault(pool, keys)))
        await until_waiting(pool)
        await connection.execute(lock, 1)
        await connection.execute(lock, 3)
        await append.commit()
        assert await rotating == len(PAYMENTS)


async def test_keys_made_during_rotations_open_afterwards(pool, keys: KeyFile, key_file: Path, sealed):
    other = PersonalData(pool, Vault(pool, KeyFile(key_file, may_create=False)))

    async def make_many() -> None:
        for number in range(100, 160):
            sealed[number] = await seal_for(other, number)

    async def rotate_many() -> None:
        for _ in range(6):
            keys.add_current(new_key())
            await reencrypt_all(pool, Vault(pool, keys))

    await asyncio.gather(make_many(), rotate_many())

    assert await opened(pool, keys, sealed) == {ANA}
    await reencrypt_all(pool, Vault(pool, keys))
    assert await opened(pool, only_first(keys), sealed) == {ANA}


async def test_check_finds_a_row_that_no_key_decrypts(pool, keys: KeyFile, sealed):
    vault = Vault(pool, keys)
    assert await check_all_decrypt(pool, vault) == len(sealed)
    assert await check_all_decrypt(pool, vault, newest=7) == 7

    await pool.execute("UPDATE payment_keys SET sealed = 'nonsense that nothing opens' WHERE payment_id = 2")
    assert await check_all_decrypt(pool, vault, newest=7) == 7
    with pytest.raises(InvalidVaultKey):
        await check_all_decrypt(pool, vault)


async def until_waiting(pool: asyncpg.Pool) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    await until(lambda: pool.fetchval(waiting), "the rotation waits for a row")
