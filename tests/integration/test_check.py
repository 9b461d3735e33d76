"""`extrato check`: what it reports about settings, servers, rights, keys, clock and certificate."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
import ssl
import time
from email.utils import formatdate

import asyncpg
import msgspec
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from extrato.bus.connection import STREAMS, connect
from extrato.bus.copies import open_copies
from extrato.settings import Settings
from extrato.store import unknown_topics
from extrato.store.migrations import migrate
from extrato.store.payment_keys import PaymentKeys
from extrato.store.vault import Vault
from extrato.store.vault_keys import FixedKeys
from extrato.values import Credential
from services.cli.checks import CERTIFICATE_WARNING_DAYS, TOKEN_WARNING_DAYS, check_clock, examine, judge_certificate
from tests.commands import run_command
from tests.conftest import services_url
from tests.ports import free_port

KEY = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
OTHER_KEY = "ZmVkY2JhWllYV1ZVVFNSUVBPTk1MS0pJSEdGRURDQkE="
SECRET = "hidden-word"
EVERY_CHECK = [
    *("postgresql", "schema", "events", "rights", "vault", "tokens"),
    *("nats", "streams", "mercado_pago", "clock", "certificate"),
]


@contextlib.asynccontextmanager
async def provider(*, ahead_s=0.0):
    """A provider whose clock is ahead of this machine's."""

    async def answer(_request):
        return web.Response(status=404, headers={"Date": formatdate(time.time() + ahead_s, usegmt=True)})

    app, port = web.Application(), free_port()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def environment(empty_database_url, nats_url):
    """The settings of a hub that can run, with two roles and a key that decrypts; other tests change its streams."""
    services = services_url(empty_database_url)
    await migrate(empty_database_url, services_url=services)
    connection = await asyncpg.connect(services)
    await Vault(connection, FixedKeys(KEY)).secret("payer-tokens")
    await connection.close()
    async with provider() as url:
        yield {
            "EXTRATO_DATABASE_URL": services,
            "EXTRATO_NATS_URL": nats_url,
            "EXTRATO_SECRET_KEY": KEY,
            "EXTRATO_MERCADOPAGO_URL": url,
        }


async def examined(environment, **changes):
    findings = await examine(Settings.from_environment({**environment, **changes}))
    for finding in findings:
        assert SECRET not in finding.sentence
        assert finding.sentence.endswith(".")
    return {finding.check: (finding.status, finding.sentence) for finding in findings}


async def test_hub_that_can_run_has_no_problem(environment, empty_database_url, nats_server):
    bus = await connect(nats_server.url, name="tests")
    await bus.close()
    connection = await asyncpg.connect(empty_database_url)
    keys = PaymentKeys(connection, Vault(connection, FixedKeys(KEY)))
    for payment_id in (1, 2, 3):
        await keys.get_or_make(payment_id)
    await connection.execute("UPDATE payment_keys SET sealed = NULL, destroyed_at = now() WHERE payment_id = 2")
    await connection.close()
    environment["EXTRATO_NATS_URL"] = nats_server.url
    found = await examined(environment, EXTRATO_MIGRATION_DATABASE_URL=empty_database_url)
    assert list(found) == ["migrations", *EVERY_CHECK]
    assert {name: status for name, (status, _) in found.items() if status != "ok"} == {"mercado_pago": "warning"}
    assert found["mercado_pago"][1] == "127.0.0.1 answers; it is a test."
    assert "(3 checked, at most 5000 of each table)" in found["vault"][1]
    assert found["vault"][1].endswith("Keys of payments: 2 usable, 1 destroyed.")
    assert found["rights"][1].endswith("has the rights of services, and cannot rewrite the log.")
    assert re.fullmatch(r"PostgreSQL \d+\.\d+ answers and accepts writes\.", found["postgresql"][1])
    assert re.fullmatch(r"NATS \d+\.\d+\.\d+ answers, with JetStream\.", found["nats"][1])
    assert found["tokens"][1] == "The end of no access token is known."


async def test_servers_that_are_away_are_problems_without_their_passwords(environment):
    nowhere = f"me:{SECRET}@127.0.0.1:{free_port()}"
    found = await examined(
        environment,
        EXTRATO_DATABASE_URL=f"postgresql://{nowhere}/extrato",
        EXTRATO_NATS_URL=f"nats://{nowhere}",
        EXTRATO_MERCADOPAGO_URL=f"http://127.0.0.1:{free_port()}",
    )
    assert list(found) == EVERY_CHECK
    assert {name for name, (status, _) in found.items() if status == "problem"} == {
        "postgresql",
        "nats",
        "mercado_pago",
    }
    for name in ("schema", "events", "rights", "vault", "tokens", "streams", "clock"):
        assert found[name][1].startswith("Not checked: ")


async def test_one_role_that_may_rewrite_the_log_is_a_warning(environment, empty_database_url):
    found = await examined(environment, EXTRATO_DATABASE_URL=empty_database_url)
    assert found["rights"][0] == "warning"
    assert "could rewrite the log" in found["rights"][1]


async def test_events_of_a_newer_version_are_a_problem(environment, empty_database_url, monkeypatch):
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute(
        """INSERT INTO stored_events (originator_id, originator_version, topic, state)
           SELECT gen_random_uuid(), 1, topic, '{}'
           FROM unnest('{TimeTravelled.v1,PaymentOpened.v1,PaymentOpened.v9,PaymentOpened.v9}'::text[]) AS topic"""
    )
    await connection.close()
    status, sentence = (await examined(environment))["events"]
    assert (status, "newer version: PaymentOpened.v9, TimeTravelled.v1." in sentence) == ("problem", True)
    monkeypatch.setattr(unknown_topics, "LOOKED_AT", 3)
    assert "newer version: PaymentOpened.v9." in (await examined(environment))["events"][1]


async def test_missing_rights_are_listed(environment, empty_database_url):
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("REVOKE INSERT, DELETE ON payers FROM extrato_services")
    await connection.execute("REVOKE ALL ON SEQUENCE payment_numbers FROM extrato_services")
    await connection.close()
    status, sentence = (await examined(environment))["rights"]
    assert (status, "lacks INSERT on payers, DELETE on payers, USAGE on payment_numbers:" in sentence) == (
        "problem",
        True,
    )


async def test_schema_without_its_migrations_is_a_problem(environment, database_url):
    connection = await asyncpg.connect(database_url)
    await connection.execute("DELETE FROM schema_migrations WHERE name = '0009_readiness'")
    found = await examined(environment, EXTRATO_DATABASE_URL=database_url)
    assert found["schema"] == ("problem", "1 migrations are missing: run `extrato migrate`.")
    assert found["vault"] == ("warning", "Not checked: the schema is not that of this version.")
    await connection.execute("INSERT INTO schema_migrations VALUES ('9001_later')")
    found = await examined(environment, EXTRATO_DATABASE_URL=database_url)
    assert "9001_later of a newer version" in found["schema"][1]
    await connection.execute("UPDATE schema_migrations SET class = 'rebuild' WHERE name = '9001_later'")
    found = await examined(environment, EXTRATO_DATABASE_URL=database_url)
    assert "9001_later (rebuild) of a newer version" in found["schema"][1]
    await connection.close()


async def test_rolling_migration_of_a_newer_version_is_a_warning(environment, database_url):
    connection = await asyncpg.connect(database_url)
    await connection.execute("INSERT INTO schema_migrations (name, class) VALUES ('9001_later', 'rolling')")
    await connection.close()
    found = await examined(environment, EXTRATO_DATABASE_URL=database_url)
    sentence = "Every migration is applied, and of a newer version (rolling): 9001_later."
    assert found["schema"] == ("warning", sentence)
    assert found["rights"][0] != "problem"
    assert "Not checked" not in found["rights"][1]


async def test_copies_are_missing_until_a_role_makes_them(environment, nats_server):
    given = {
        "EXTRATO_NATS_URL": nats_server.url,
        "EXTRATO_COPIES_NATS_URL": nats_server.copies_url,
        "EXTRATO_COPIES_CONSUMER": nats_server.delivery_consumer,
    }
    found = await examined(environment, **given)
    missing = "Missing copies, which the role projections creates: PAYMENTS, CHECKS."
    assert found["copies"] == ("warning", missing)
    async with open_copies(
        origin_url=nats_server.url, copies_url=nats_server.copies_url, delivery_consumer=nats_server.delivery_consumer
    ):
        found = await examined(environment, **given)
    assert found["copies"] == ("ok", "Every copy for subscribers exists.")
    given["EXTRATO_COPIES_NATS_URL"] = nats_server.copies_url.replace("copier:", f"copier:{SECRET}")
    found = await examined(environment, **given)
    assert found["copies"] == ("problem", "EXTRATO_COPIES_NATS_URL: NATS refuses: authorization violation.")


@pytest.mark.parametrize("key", [OTHER_KEY, ""])
async def test_key_that_does_not_decrypt_is_a_problem(environment, tmp_path, key):
    found = await examined(environment, EXTRATO_SECRET_KEY=key, EXTRATO_HOME=str(tmp_path))
    assert found["vault"][0] == "problem"
    assert not (tmp_path / "secret.key").exists()


async def test_streams_that_differ_or_are_missing_are_warnings(environment, nats_server):
    environment["EXTRATO_NATS_URL"] = nats_server.url
    bus = await connect(nats_server.url, name="tests")
    wanted = STREAMS[1]
    await bus.jetstream.update_stream(wanted.evolve(max_age=60))
    differing = (await examined(environment))["streams"]
    await bus.jetstream.delete_stream(wanted.name)
    missing = (await examined(environment))["streams"]
    await bus.close()
    assert differing == ("warning", "Streams differ from the hub's: max_age of stream CHECKS is 60, not 86400.")
    assert missing == ("warning", "Missing streams, which the first role creates at its start: CHECKS.")


async def test_clock_is_compared_with_the_provider(environment):
    async with provider(ahead_s=600) as url:
        status, sentence = (await examined(environment, EXTRATO_MERCADOPAGO_URL=url))["clock"]
    assert (status, sentence.endswith("behind Mercado Pago's.")) == ("problem", True)


@pytest.mark.parametrize(
    ("ahead_s", "status"),
    [(0, "ok"), (0.99, "ok"), (5.9, "ok"), (-4.9, "ok"), (7, "warning"), (-30, "warning"), (62, "problem")],
)
def test_clock_within_a_second_of_the_header_agrees(ahead_s, status):
    now_s = 1_800_000_000.0
    assert check_clock(formatdate(now_s, usegmt=True), now_s=now_s + ahead_s).status == status


def test_answer_without_a_date_leaves_the_clock_unchecked():
    assert check_clock("", now_s=0.0).sentence == "Not checked: the answer of Mercado Pago has no date."


@pytest.fixture
def certificate(tmp_path):
    """A self-signed certificate of `localhost` for 30 days, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30, hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


async def test_certificate_of_the_public_address_is_verified(environment, certificate, monkeypatch):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    runner, port = web.AppRunner(web.Application()), free_port()
    await runner.setup()
    try:
        await web.TCPSite(runner, "localhost", port, ssl_context=context).start()
        url = f"https://localhost:{port}"
        untrusted = (await examined(environment, EXTRATO_PUBLIC_URL=url))["certificate"]
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        trusted = (await examined(environment, EXTRATO_PUBLIC_URL=url))["certificate"]
    finally:
        await runner.cleanup()
    assert untrusted == ("problem", "The certificate of localhost is not valid: self-signed certificate.")
    assert trusted == ("ok", "The certificate of localhost is valid for 30 more days.")
    nowhere = (await examined(environment, EXTRATO_PUBLIC_URL=url))["certificate"]
    assert nowhere == ("warning", "Not checked: localhost cannot be reached from here (ConnectionRefusedError).")
    without_tls = (await examined(environment, EXTRATO_PUBLIC_URL="http://hub.example"))["certificate"]
    assert without_tls == ("warning", "EXTRATO_PUBLIC_URL is not https: payers reach the hub without TLS.")


@pytest.mark.parametrize(("days", "status"), [(CERTIFICATE_WARNING_DAYS + 1, "ok"), (3, "warning")])
def test_certificate_that_ends_soon_is_a_warning(days, status):
    assert judge_certificate("hub.example", days=days).status == status


async def test_token_that_ends_first_is_named(environment):
    connection = await asyncpg.connect(environment["EXTRATO_DATABASE_URL"])
    vault = Vault(connection, FixedKeys(KEY))
    now = await connection.fetchval("SELECT now()")
    for merchant, days in (("ana", 40), ("eva", TOKEN_WARNING_DAYS - 1), ("old", None)):
        credential = Credential(access_token=SECRET, webhook_secret=SECRET, account_id=merchant)
        expires_at = now + dt.timedelta(days=days) if days else None
        await vault.put(merchant, "mercado_pago", credential, token_expires_at=expires_at)
    found = await examined(environment)
    assert found["tokens"] == ("warning", "The access token of eva.mercado_pago is valid for 13 more days.")
    await connection.execute("UPDATE credentials SET token_expires_at = now() WHERE merchant = 'eva'")
    assert (await examined(environment))["tokens"] == ("warning", "The access token of eva.mercado_pago has ended.")
    await connection.execute("DELETE FROM credentials WHERE merchant = 'eva'")
    assert (await examined(environment))["tokens"][0] == "ok"
    await connection.close()


async def test_command_prints_one_line_per_check_and_its_exit_code(environment, tmp_path):
    said = await run_command(("check",), lines="", environment=environment)
    assert (said.code, said.errors) == (0, "")
    lines = said.out.splitlines()
    assert lines[0] == "ok      settings     Every setting is valid."
    assert [line.split()[1] for line in lines] == ["settings", *EVERY_CHECK]

    said = await run_command(("check", "--json"), lines="", environment={**environment, "EXTRATO_NATS_URL": ""})
    found = json.loads(said.out)
    assert (said.code, said.errors, found["status"]) == (1, "", "problem")
    assert msgspec.convert(found["checks"], list[dict[str, str]])[0]["check"] == "settings"

    said = await run_command(("check",), lines="", environment={"EXTRATO_HOME": str(tmp_path)})
    assert said.code == 1
    assert said.out.startswith("problem settings     No hub runs in ")


async def test_log_that_is_not_sealed_is_a_warning(environment, database_url):
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE log_sealing SET finished_at = NULL")
    await connection.close()
    status, sentence = (await examined(environment, EXTRATO_DATABASE_URL=database_url))["schema"]
    assert (status, sentence.rpartition(": ")[2]) == ("warning", "run `extrato seal-log`.")
