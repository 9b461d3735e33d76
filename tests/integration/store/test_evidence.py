"""Evidence is opened by the kind of its key; a changed row never opens."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import pytest

from extrato.store.appender import Attached
from extrato.store.evidence import EvidenceReader
from extrato.store.personal_data import PersonalData
from extrato.store.sealing import CannotOpen
from extrato.store.vault import Vault
from extrato.store.vault_keys import FixedKeys
from tests.integration.store.examples import append_to

if TYPE_CHECKING:
    import asyncpg

    from extrato.store.event_log import EventLog

BODY = b'{"payer":{"email":"ana@example.com"}}'
STORE = "INSERT INTO evidence (digest, kind, body, payment_id, sealed_by) VALUES ($1, 'k', $2, $3, $4)"


@pytest.fixture
def data(pool: asyncpg.Pool) -> PersonalData:
    return PersonalData(pool, Vault(pool, FixedKeys(base64.b64encode(bytes(32)).decode())))


@pytest.fixture
def reader(pool: asyncpg.Pool, data: PersonalData) -> EvidenceReader:
    return EvidenceReader(pool, data)


async def test_evidence_of_a_payment_opens_with_its_salt(data: PersonalData, reader: EvidenceReader, log: EventLog):
    new_key = data.keys.new(1)
    key = new_key.key
    sealed = key.seal_evidence("provider/payment", BODY)
    await log.append(append_to(), attached=Attached(payment_id=1, new_key=new_key, evidence=[sealed]))

    opened = await reader.open(1, sealed.digest)

    assert opened is not None
    assert (opened.body, opened.salt, opened.kind) == (BODY, key.salt, "provider/payment")
    with pytest.raises(CannotOpen):
        await reader.open(2, sealed.digest)


async def test_webhook_opens_with_the_salt_of_the_hub(data: PersonalData, reader: EvidenceReader, pool):
    seal = await data.body_seal()
    digest, sealed = seal.seal_body(BODY)
    await pool.execute(STORE, digest, sealed, None, "hub")

    opened = await reader.open(1, digest)

    assert opened is not None
    assert (opened.body, opened.salt) == (BODY, seal.salt)


async def test_plain_evidence_of_an_older_version_opens_without_salt(reader: EvidenceReader, pool):
    digest = hashlib.sha256(BODY).digest()
    await pool.execute(STORE, digest, BODY, None, None)

    opened = await reader.open(1, digest)

    assert opened is not None
    assert (opened.body, opened.salt) == (BODY, b"")


@pytest.mark.parametrize("sealed_by", [None, "payment", "hub", "another"])
async def test_bytes_of_another_digest_do_not_open(
    reader: EvidenceReader, data: PersonalData, pool, sealed_by: str | None
):
    await data.keys.get_or_make(1)
    await pool.execute(STORE, bytes(32), BODY, 1, sealed_by)

    with pytest.raises(CannotOpen):
        await reader.open(1, bytes(32))


async def test_missing_evidence_is_none(reader: EvidenceReader):
    assert await reader.open(1, bytes(32)) is None
