"""The vault of several processes: every process with a key decrypts, also during a rotation."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import stat

import asyncpg
import msgspec
import pytest

from extrato.own_files import ForeignFile
from extrato.store import vault as vault_module
from extrato.store.payers import Payers
from extrato.store.sealing import encrypt
from extrato.store.vault import Vault, bound_to_credential
from extrato.store.vault_keys import FixedKeys, InvalidVaultKey, KeyFile, new_key
from extrato.store.vault_rotation import SEALED_TABLES, reencrypt_all
from extrato.values import Credential, Payer

FIRST = Credential(access_token="APP_USR-first", webhook_secret="hush-first", account_id="174087000")
SECOND = msgspec.structs.replace(FIRST, access_token="APP_USR-second")
OTHER_ACCOUNT = msgspec.structs.replace(FIRST, account_id="999")


@pytest.fixture
def key_file(tmp_path):
    return tmp_path / "home" / "secret.key"


@pytest.fixture
async def processes(database_url, key_file):
    """A function that opens a vault with a separate pool and key file reader, as another process has."""
    async with contextlib.AsyncExitStack() as parts:

        async def start(keys=None):
            pool = await parts.enter_async_context(asyncpg.create_pool(database_url, min_size=1, max_size=3))
            return pool, Vault(pool, keys or KeyFile(key_file, may_create=True))

        yield start


def encoded(*keys: bytes) -> str:
    return ",".join(base64.b64encode(key).decode() for key in keys)


async def rows_of(pool):
    return {table.name: await pool.fetch(f"SELECT sealed FROM {table.name}") for table in SEALED_TABLES}


# --- credentials ----------------------------------------------------------------------------------


async def test_credential_is_shared_between_processes(processes):
    _, one = await processes()
    _, other = await processes()
    assert await other.get("padaria", "mercado_pago") is None
    assert await one.put("padaria", "mercado_pago", FIRST)
    assert await other.get_uncached("padaria", "mercado_pago") == FIRST


async def test_credential_does_not_decrypt_under_another_name(processes):
    pool, vault = await processes()
    await vault.put("padaria", "mercado_pago", FIRST)
    await pool.execute("UPDATE credentials SET merchant = 'thief'")
    with pytest.raises(InvalidVaultKey):
        await vault.get_uncached("thief", "mercado_pago")


async def test_database_shows_no_part_of_a_credential(processes):
    pool, vault = await processes()
    await vault.put("padaria", "mercado_pago", FIRST)
    (row,) = await pool.fetch("SELECT * FROM credentials")
    assert b"APP_USR" not in row["sealed"]
    assert b"hush" not in row["sealed"]
    assert "APP_USR" not in repr({**row, "sealed": ""})


async def test_credential_replaces_only_its_account(processes):
    _, vault = await processes()
    assert await vault.put("padaria", "mercado_pago", FIRST)
    assert await vault.put("padaria", "mercado_pago", SECOND)
    assert not await vault.put("padaria", "mercado_pago", OTHER_ACCOUNT)
    assert await vault.get_uncached("padaria", "mercado_pago") == SECOND
    await vault.remove("padaria", "mercado_pago")
    await vault.remove("padaria", "mercado_pago")
    assert await vault.put("padaria", "mercado_pago", OTHER_ACCOUNT)


async def test_concurrent_changes_of_a_credential_are_both_kept(processes):
    _, one = await processes()
    _, other = await processes()
    await one.put("padaria", "mercado_pago", FIRST)
    await asyncio.gather(
        one.change("padaria", "mercado_pago", lambda kept: msgspec.structs.replace(kept, webhook_secret="new")),
        other.change("padaria", "mercado_pago", lambda kept: msgspec.structs.replace(kept, pix_api="orders")),
    )
    changed = await one.get_uncached("padaria", "mercado_pago")
    assert (changed.webhook_secret, changed.pix_api) == ("new", "orders")
    assert not await one.change("nobody", "mercado_pago", lambda kept: kept)


async def test_change_reaches_every_process_within_the_cache_time(processes, monkeypatch):
    _, one = await processes()
    _, other = await processes()
    await one.put("padaria", "mercado_pago", FIRST)
    assert await other.get("padaria", "mercado_pago") == FIRST

    await one.put("padaria", "mercado_pago", SECOND)
    assert await one.get("padaria", "mercado_pago") == SECOND
    assert await other.get("padaria", "mercado_pago") == FIRST
    monkeypatch.setattr(vault_module, "CACHE_S", 0.0)
    assert await other.get("padaria", "mercado_pago") == SECOND

    await one.remove("padaria", "mercado_pago")
    assert await other.get("padaria", "mercado_pago") is None


async def test_credential_without_a_pix_api_is_read(processes):
    pool, vault = await processes()
    old = {"access_token": "APP_USR-first", "webhook_secret": "hush-first", "account_id": "174087000"}
    sealed = vault.seal(msgspec.json.encode(old), bound_to_credential("padaria", "mercado_pago"))
    await pool.execute("INSERT INTO credentials VALUES ('padaria', 'mercado_pago', '174087000', $1)", sealed)
    assert await vault.get("padaria", "mercado_pago") == FIRST


def test_repr_of_a_credential_shows_no_secret():
    for text in (repr(FIRST), str(FIRST), f"{FIRST}", repr([FIRST])):
        assert "APP_USR" not in text
        assert "hush" not in text


# --- keys -----------------------------------------------------------------------------------------


def test_key_file_is_created_once_for_its_owner_only(key_file):
    one, other = KeyFile(key_file, may_create=True), KeyFile(key_file, may_create=True)
    assert one.current() == other.current()
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert [path.name for path in key_file.parent.iterdir()] == ["secret.key"]


def test_missing_key_file_is_an_error_without_may_create(key_file):
    with pytest.raises(InvalidVaultKey, match="does not exist"):
        KeyFile(key_file, may_create=False).current()
    assert not key_file.exists()


@pytest.mark.parametrize("text", ["", "short", encoded(b"a" * 31), "é" * 44, encoded(b"a" * 32) + ","])
def test_malformed_key_is_refused_and_not_repeated(text):
    with pytest.raises(InvalidVaultKey) as refused:
        FixedKeys(text)
    assert text not in str(refused.value) or not text


def test_empty_key_file_is_refused(key_file):
    key_file.parent.mkdir()
    key_file.touch()
    with pytest.raises(InvalidVaultKey):
        KeyFile(key_file, may_create=True).current()


def test_key_file_that_others_may_write_is_refused(key_file, tmp_path):
    key_file.parent.mkdir(exist_ok=True)
    strangers = tmp_path / "strangers.key"
    strangers.write_text(encoded(new_key()))
    key_file.symlink_to(strangers)
    with pytest.raises(InvalidVaultKey, match="is a link"):
        KeyFile(key_file, may_create=True).current()
    key_file.unlink()
    key_file.write_text(encoded(new_key()))
    key_file.chmod(0o606)
    with pytest.raises(InvalidVaultKey, match="Other users can write to"):
        KeyFile(key_file, may_create=True).current()


def test_no_key_is_created_in_a_folder_that_others_may_write(tmp_path):
    open_folder, link = tmp_path / "open", tmp_path / "link"
    open_folder.mkdir()
    open_folder.chmod(0o777)
    link.symlink_to(open_folder)
    for folder in (open_folder, link):
        with pytest.raises(InvalidVaultKey, match=str(folder)):
            KeyFile(folder / "secret.key", may_create=True).current()
    assert list(open_folder.iterdir()) == []


async def test_secret_encrypted_with_the_key_before_decrypts_in_every_process(processes, key_file, monkeypatch):
    monkeypatch.setattr("extrato.store.vault.OFTEN_S", 3600.0)
    _, late = await processes()
    _, other = await processes()
    assert other.unseal(encrypt(late.newest_cipher(), b"before", b"a"), b"a") == b"before"
    KeyFile(key_file, may_create=False).add_current(new_key())

    assert other.unseal(encrypt(late.newest_cipher(), b"late", b"a"), b"a") == b"late"
    assert late.unseal(other.seal(b"new", b"a"), b"a") == b"new"


def test_key_file_replaced_by_a_link_is_not_followed(key_file, tmp_path):
    keys = KeyFile(key_file, may_create=True)
    keys.current()
    key_file.rename(tmp_path / "moved.key")
    key_file.symlink_to(tmp_path / "moved.key")
    with pytest.raises(InvalidVaultKey, match="is a link"):
        keys.current()


def test_lock_that_is_a_link_creates_no_file(key_file, tmp_path):
    KeyFile(key_file, may_create=True).current()
    key_file.with_name("secret.key.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ForeignFile):
        KeyFile(key_file, may_create=False).add_current(new_key())
    assert not (tmp_path / "elsewhere").exists()


def test_added_key_encrypts_and_older_keys_decrypt(key_file):
    one, other = KeyFile(key_file, may_create=True), KeyFile(key_file, may_create=True)
    (old,) = other.current()
    new = new_key()
    one.add_current(new)
    assert other.current() == one.current() == (new, old)
    one.add_current(old)
    assert other.current() == (old, new)
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


# --- rotation -------------------------------------------------------------------------------------


@pytest.fixture
async def filled(processes):
    """A process that has encrypted a row in every table."""
    pool, vault = await processes()
    await vault.put("padaria", "mercado_pago", FIRST)
    await vault.put("confeitaria", "mercado_pago", OTHER_ACCOUNT)
    await Payers(pool, vault).keep(15, Payer(name="Ana"))
    secret = await vault.secret("payer_tokens")
    return pool, vault, secret


async def decrypts_everything(pool, vault, secret) -> bool:
    return (
        await vault.get_uncached("padaria", "mercado_pago"),
        await vault.get_uncached("confeitaria", "mercado_pago"),
        await Payers(pool, vault).recall(15),
        await vault.secret("payer_tokens"),
    ) == (FIRST, OTHER_ACCOUNT, Payer(name="Ana"), secret)


async def test_every_encrypted_column_is_rotated(database_url):
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(
            "SELECT table_name FROM information_schema.columns WHERE column_name = 'sealed' AND table_schema = 'public'"
        )
    finally:
        await connection.close()
    assert {row[0] for row in rows} == {table.name for table in SEALED_TABLES}


async def test_rotation_reencrypts_everything_while_others_run(processes, filled, key_file):
    pool, vault, secret = filled
    other_pool, other = await processes()
    assert await decrypts_everything(other_pool, other, secret)
    (old,) = KeyFile(key_file, may_create=False).current()
    before = await rows_of(pool)

    new = new_key()
    KeyFile(key_file, may_create=False).add_current(new)
    assert await reencrypt_all(pool, vault) == 4

    assert await decrypts_everything(other_pool, other, secret)
    after = await rows_of(pool)
    assert not any(set(before[name]) & set(after[name]) for name in before)
    _, only_new = await processes(FixedKeys(encoded(new)))
    assert await decrypts_everything(pool, only_new, secret)
    _, only_old = await processes(FixedKeys(encoded(old)))
    with pytest.raises(InvalidVaultKey):
        await only_old.get_uncached("padaria", "mercado_pago")

    # From here on the other process encrypts with the added key.
    await other.put("padaria", "mercado_pago", SECOND)
    assert await only_new.get_uncached("padaria", "mercado_pago") == SECOND


async def test_rotation_interrupted_at_its_start_loses_nothing(processes, filled, key_file):
    pool, vault, secret = filled
    KeyFile(key_file, may_create=False).add_current(new_key())
    assert await decrypts_everything(pool, vault, secret)
    again_pool, again = await processes()
    assert await decrypts_everything(again_pool, again, secret)
    assert await reencrypt_all(again_pool, again) == 4
    assert await decrypts_everything(pool, vault, secret)


async def test_failed_rotation_leaves_every_row_readable(filled, key_file):
    pool, vault, secret = filled
    await pool.execute("UPDATE payers SET sealed = 'nonsense that nothing opens'")
    KeyFile(key_file, may_create=False).add_current(new_key())
    with pytest.raises(InvalidVaultKey):
        await reencrypt_all(pool, vault)
    assert (await rows_of(pool))["payers"][0]["sealed"] == b"nonsense that nothing opens"
    assert await vault.get_uncached("padaria", "mercado_pago") == FIRST
    assert await vault.get_uncached("confeitaria", "mercado_pago") == OTHER_ACCOUNT
    assert await vault.secret("payer_tokens") == secret


async def test_process_with_the_old_key_only_loses_nothing(processes, filled, key_file):
    pool, vault, _ = filled
    (old,) = KeyFile(key_file, may_create=False).current()
    _, late = await processes(FixedKeys(encoded(old)))
    KeyFile(key_file, may_create=False).add_current(new_key())
    await reencrypt_all(pool, vault)

    await late.put("padaria", "mercado_pago", SECOND)
    assert await vault.get_uncached("padaria", "mercado_pago") == SECOND
    await reencrypt_all(pool, vault)
    assert await vault.get_uncached("padaria", "mercado_pago") == SECOND
    with pytest.raises(InvalidVaultKey):
        await late.get_uncached("padaria", "mercado_pago")


async def test_fixed_keys_are_rotated_by_processes_with_both(processes):
    old, new = new_key(), new_key()
    pool, running = await processes(FixedKeys(encoded(old, new)))
    await running.put("padaria", "mercado_pago", FIRST)
    _, rotating = await processes(FixedKeys(encoded(new, old)))
    await reencrypt_all(pool, rotating)
    assert await running.get_uncached("padaria", "mercado_pago") == FIRST
    _, only_new = await processes(FixedKeys(encoded(new)))
    assert await only_new.get_uncached("padaria", "mercado_pago") == FIRST


async def test_credential_replaced_during_a_rotation_is_kept(processes, filled, key_file):
    pool, vault, _ = filled
    _, other = await processes()

    async def replace_many() -> Credential:
        for number in range(60):
            credential = msgspec.structs.replace(FIRST, access_token=f"APP_USR-{number}")
            await other.put("padaria", "mercado_pago", credential)
        return credential

    async def rotate_many() -> None:
        for _ in range(12):
            KeyFile(key_file, may_create=False).add_current(new_key())
            await reencrypt_all(pool, vault)

    last, _ = await asyncio.gather(replace_many(), rotate_many())
    assert await vault.get_uncached("padaria", "mercado_pago") == last


# --- the hub's own secrets ------------------------------------------------------------------------


async def test_concurrent_reads_of_a_hub_secret_agree(processes):
    vaults = [(await processes())[1] for _ in range(4)]
    secrets = await asyncio.gather(*(vault.secret("payer_tokens") for vault in vaults))
    assert len(set(secrets)) == 1
    assert len(secrets[0]) == 32
    assert await vaults[0].secret("another") != secrets[0]


def test_digest_of_a_credential_covers_all_its_parts():
    digests = {
        credential.digest
        for credential in (
            FIRST,
            SECOND,
            OTHER_ACCOUNT,
            msgspec.structs.replace(FIRST, webhook_secret="x"),
            msgspec.structs.replace(FIRST, pix_api="orders"),
        )
    }
    assert len(digests) == 5
    # A webhook secret may be short: its digest alone could be guessed, so it is never shown.
    assert hashlib.sha256(FIRST.webhook_secret.encode()).hexdigest() not in digests


async def test_process_with_another_key_is_refused_before_writes(processes):
    pool, vault = await processes()
    _, stranger = await processes(FixedKeys(encoded(new_key())))
    await stranger.check_key()
    await vault.secret("payer_tokens")
    before = await rows_of(pool)
    with pytest.raises(InvalidVaultKey):
        await stranger.check_key()
    assert await rows_of(pool) == before
    await vault.check_key()
