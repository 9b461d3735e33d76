"""Keys of payments, tags of payers and opened texts, with a real database."""

from __future__ import annotations

import asyncio
import base64
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from prometheus_client import REGISTRY

from extrato.store import payment_keys
from extrato.store.appender import Attached
from extrato.store.person_tags import NO_TAGS
from extrato.store.personal_data import EMAIL, UNREADABLE, PersonalData
from extrato.store.vault import Vault
from extrato.store.vault_keys import FixedKeys, InvalidVaultKey
from extrato.values import Payer
from tests.integration.store.examples import append_to
from tests.pace import until

if TYPE_CHECKING:
    import asyncpg

    from extrato.store.event_log import EventLog

VAULT_KEY = base64.b64encode(bytes(32)).decode()
DESTROY = "UPDATE payment_keys SET sealed = NULL, destroyed_at = clock_timestamp() WHERE payment_id = $1"
ANA = "ana@example.com"


@pytest.fixture
def data(pool: asyncpg.Pool) -> PersonalData:
    return another_process(pool)


def another_process(pool: asyncpg.Pool, key: str = VAULT_KEY) -> PersonalData:
    return PersonalData(pool, Vault(pool, FixedKeys(key)))


async def sealed_email(data: PersonalData, payment_id: int = 1) -> str:
    key = await data.keys.get_or_make(payment_id)
    assert key is not None
    sealed = key.seal(ANA, EMAIL)
    assert sealed is not None
    return sealed


async def test_key_stored_with_the_first_event_opens_in_every_process(data: PersonalData, log: EventLog, pool):
    new_key = data.keys.new(1)
    key = new_key.key
    sealed = key.seal(ANA, EMAIL)
    await log.append(append_to(), attached=Attached(payment_id=1, new_key=new_key))

    assert await another_process(pool).open(1, sealed) == ANA


async def test_key_of_a_conflict_is_not_stored(data: PersonalData, log: EventLog, pool):
    new_key, tags = data.keys.new(1), await data.tags_of(Payer(email=ANA))
    stream = (await log.append(append := append_to())) and append.stream_id
    with pytest.raises(Exception, match="version"):
        await log.append(append_to(stream), attached=Attached(payment_id=1, new_key=new_key, tags=tags))

    assert await pool.fetchval("SELECT count(*) FROM payment_keys") == 0
    assert await pool.fetchval("SELECT count(*) FROM person_tags") == 0


async def test_processes_that_make_a_key_at_once_get_the_same(pool):
    made = await asyncio.gather(*(another_process(pool).keys.get_or_make(1) for _ in range(4)))

    assert len({key.plain for key in made if key}) == 1


async def test_destroyed_key_opens_nothing_within_a_second(data: PersonalData, pool, monkeypatch):
    sealed = await sealed_email(data)
    assert await data.open(1, sealed) == ANA

    await pool.execute(DESTROY, 1)
    monkeypatch.setattr(payment_keys, "FRESH_S", 0.0)

    assert await data.open(1, sealed) is None
    assert await data.keys.get_or_make(1) is None


async def test_other_process_opens_nothing_a_second_after_the_destruction(data: PersonalData, pool):
    sealed = await sealed_email(data)
    other = another_process(pool)
    assert await other.open(1, sealed) == ANA
    await pool.execute(DESTROY, 1)

    async def is_erased() -> bool:
        return await other.open(1, sealed) is None

    await until(is_erased, "the other process opens nothing", within_s=1, longest_pause_s=0.02)


async def test_first_question_of_a_process_is_about_a_finite_time(pool):
    asked = []

    async def fetch(query, *arguments, **options):
        asked.append((query, *arguments))
        return await pool.fetch(query, *arguments, **options)

    data = another_process(SimpleNamespace(fetch=fetch))  # type: ignore[arg-type]
    key = data.keys.new(1).key
    data.keys.remember(key)
    await data.keys.get_all([1])

    ((query, asked_s),) = asked
    assert query == payment_keys.DESTROYED
    assert payment_keys.OVERLAP_S < asked_s < 2 * payment_keys.OVERLAP_S


async def test_opened_texts_are_cached_between_two_questions(data: PersonalData, pool, monkeypatch):
    sealed = await sealed_email(data)
    assert await data.open(1, sealed) == ANA

    await pool.execute(DESTROY, 1)
    monkeypatch.setattr(payment_keys, "FRESH_S", 3600.0)

    assert await data.open(1, sealed) == ANA


async def test_lists_are_opened_with_one_query(data: PersonalData, pool):
    sealed = [(n, await sealed_email(data, n)) for n in range(1, 21)]

    opened = await another_process(pool).open_all([*sealed, (99, None), (98, "plain@example.com")])

    assert opened == [ANA] * 20 + [None, "plain@example.com"]


async def test_keys_that_the_caller_has_read_need_no_query(data: PersonalData, pool):
    sealed = [(n, await sealed_email(data, n)) for n in (1, 2)]
    keys = dict(await pool.fetch("SELECT payment_id, sealed FROM payment_keys"))

    # Without a pool, a query would fail.
    opened = await another_process(None).open_all(sealed, keys=keys)  # type: ignore[arg-type]

    assert opened == [ANA, ANA]


async def test_keys_that_the_caller_has_not_read_are_fetched(data: PersonalData, pool):
    sealed = [(n, await sealed_email(data, n)) for n in (1, 2, 3)]
    keys = dict(await pool.fetch("SELECT payment_id, sealed FROM payment_keys WHERE payment_id = 1"))
    await pool.execute(DESTROY, 2)

    assert await another_process(pool).open_all(sealed, keys=keys) == [ANA, None, ANA]


async def test_unreadable_seal_does_not_look_forgotten(data: PersonalData):
    await data.keys.get_or_make(2)

    assert await data.open(2, await sealed_email(data, 1)) == UNREADABLE


async def test_lost_key_does_not_look_forgotten(data: PersonalData, pool):
    sealed = [(n, await sealed_email(data, n)) for n in (1, 2, 3)]
    await pool.execute("DELETE FROM payment_keys WHERE payment_id = 1")
    await pool.execute(DESTROY, 2)
    counted = unreadable_emails()

    assert await another_process(pool).open_all([*sealed, (4, None)]) == [UNREADABLE, None, ANA, None]
    assert unreadable_emails() == counted + 1


def unreadable_emails() -> float:
    return REGISTRY.get_sample_value("extrato_seals_unreadable_total", {"what": "email"}) or 0.0


async def test_keys_do_not_open_with_another_vault_key(data: PersonalData, pool):
    sealed = await sealed_email(data)

    with pytest.raises(InvalidVaultKey):
        await another_process(pool, base64.b64encode(bytes([1]) * 32).decode()).open(1, sealed)


async def test_tags_find_a_payer_by_every_identifier(data: PersonalData, log: EventLog, pool):
    payer = Payer(email="Ana+loja@Example.com", cpf="12345678909", phone="+55 11 98765-4321")
    new_key = data.keys.new(1)
    await log.append(append_to(), attached=Attached(payment_id=1, new_key=new_key, tags=await data.tags_of(payer)))

    for kind, text in (("email", ANA), ("cpf", "123.456.789-09"), ("phone", "11987654321")):
        tag = await another_process(pool).tag(kind, text)
        assert await data.payments_of(tag) == [1]


async def test_tag_of_any_text_is_computed(data: PersonalData):
    """A batch has the appends of many callers, so that no text of one may fail it."""
    tags = await data.tags_of(Payer(email="ana\ud83d@example.com", phone="\x00", cpf="\udc00"), Payer(email=ANA))

    assert len({*tags.compute()}) == 4
    assert "ana" not in repr(tags)


async def test_known_tag_is_not_stored_again(data: PersonalData, log: EventLog, pool):
    new_key = data.keys.new(1)
    tags = await data.tags_of(Payer(email=ANA))
    await log.append(append_to(), attached=Attached(payment_id=1, new_key=new_key, tags=tags))
    seen = await data.tags_of(Payer(email="Ana@example.com", cpf="12345678909"))
    await log.append(append_to(), attached=Attached(payment_id=1, tags=seen))

    of_email, of_cpf = seen.compute()
    assert [row[0] for row in await pool.fetch("SELECT tag FROM person_tags")] == [of_cpf]
    assert [await data.payments_of(tag) for tag in (of_email, of_cpf)] == [[1], [1]]


async def test_payments_of_a_person_are_found_in_both_places_once_each(data: PersonalData, log: EventLog, pool):
    tag, tags = await data.tag("email", ANA), await data.tags_of(Payer(email=ANA))
    for payment_id in range(1, 4):
        new_key = data.keys.new(payment_id)
        attached = Attached(payment_id=payment_id, new_key=new_key, tags=tags if payment_id != 2 else NO_TAGS)
        await log.append(append_to(), attached=attached)
    # As an older version stored them.
    await pool.executemany("INSERT INTO person_tags VALUES ($1, $2)", [(tag, 2), (tag, 3)])

    assert await data.payments_of(tag) == [3, 2, 1]


async def test_tags_of_a_destroyed_key_are_not_stored(data: PersonalData, log: EventLog, pool):
    await data.keys.get_or_make(1)
    await pool.execute(DESTROY, 1)

    await log.append(append_to(), attached=Attached(payment_id=1, tags=await data.tags_of(Payer(email=ANA))))

    assert await pool.fetchval("SELECT count(*) FROM person_tags") == 0


async def test_tags_and_request_digests_are_not_plain_hashes(data: PersonalData):
    assert len({await data.tag("cpf", "12345678909"), await data.tag("phone", "12345678909")}) == 2
    assert await data.request_digest("ab" * 32) == await data.request_digest("ab" * 32) != "ab" * 32
