"""`extrato status` on real servers: what it reads, and what it says when a server or a part is away."""

import json

import msgspec
import pytest
from aiohttp import web

from contracts.read_models import READ_MODEL_NAMES
from extrato.bus.dead_letters import publish_dead_letter
from extrato.bus.survey import CONSUMER_OF_ROLE
from extrato.bus.timers import Timers
from extrato.settings import Settings
from extrato.store.advisory_locks import REBUILD_CLASS
from services.cli.status import database
from services.cli.status.read import read_status
from services.cli.status.screen import screen
from services.projections import rebuild
from services.projections.read_models.registry import READ_MODELS
from services.projections.runner import DURABLE
from tests.commands import run_command
from tests.database import demoted
from tests.integration.projections.conftest import in_background
from tests.pace import until
from tests.ports import free_port
from tests.unit.projections import history

KEY = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
SECRET = "hidden-word"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(database, "LOOK_AGAIN_S", 0.05)
    monkeypatch.setattr("extrato.bus.survey.PAUSE_S", 0.01)


@pytest.fixture
def environment(hub, nats_server):
    return {
        "EXTRATO_DATABASE_URL": hub.database_url,
        "EXTRATO_NATS_URL": nats_server.url,
        "EXTRATO_SECRET_KEY": KEY,
    }


async def read(environment, **changes):
    settings = Settings.from_environment({**environment, **changes})
    found = await read_status(settings, health_ports=[], is_in_home=False)
    for text in (screen(found), msgspec.json.encode(found).decode()):
        assert KEY not in text
        assert SECRET not in text
        assert "@127.0.0.1" not in text
    return found


def attention(found):
    return {each.part: each.sentence for each in found.attention}


def nowhere(scheme):
    return f"{scheme}://me:{SECRET}@127.0.0.1:{free_port()}"


async def test_hub_that_works_needs_no_attention(live_hub, bus, environment):
    await live_hub.append(history.REGISTERED)

    async def take_timers():
        timers = Timers(bus)
        while True:
            await timers.take(1)

    async with in_background(take_timers()):

        async def is_well():
            found = await read(environment)
            return found if found.verdict == "ok" else None

        found = await until(is_well)
        said = await run_command(("status", "--json"), lines="", environment=environment)
        shown = await run_command(("status",), lines="", environment=environment)
    assert (said.code, said.errors, json.loads(said.out)["verdict"]) == (0, "", "ok")
    assert (shown.code, shown.out.splitlines()[0].endswith("UTC: all is well")) == (0, True)
    assert found.log.position == found.relay.published == 1
    assert (found.relay.has_leader, found.relay.behind) == (True, 0)
    assert {each.name: each.position for each in found.read_models} == dict.fromkeys(READ_MODEL_NAMES, 1)
    assert {role.name: role.seen for role in found.roles} == {"gateway": None, "monitor": True, "projections": True}
    assert found.accounts.merchants == 1
    assert (found.vault.keys, found.vault.decrypts) == (1, True)


async def test_nats_that_is_away_leaves_the_rest(live_hub, environment):
    await live_hub.append(history.REGISTERED)
    found = await read(environment, EXTRATO_NATS_URL=nowhere("nats"))
    assert (found.verdict, found.bus, found.log.position) == ("attention", None, 1)
    assert (found.relay.has_leader, found.relay.published, found.relay.behind) == (True, None, None)
    assert [each.part for each in found.unread] == ["nats"]
    assert {role.name: role.seen for role in found.roles} == dict.fromkeys(("gateway", "monitor", "projections"))


async def test_database_that_is_away_leaves_nats(live_hub, environment):
    away = nowhere("postgresql") + "/extrato"
    found = await read(environment, EXTRATO_DATABASE_URL=away)
    assert (found.verdict, found.database, found.log, found.read_models) == ("attention", None, None, None)
    assert {fill.stream for fill in found.bus.streams} == {"PAYMENTS", "CHECKS", "SWEEPS", "DEAD"}
    without = {**environment, "EXTRATO_DATABASE_URL": away, "EXTRATO_NATS_URL": nowhere("nats")}
    said = await run_command(("status",), lines="", environment=without)
    assert (said.code, said.errors) == (2, "")
    assert said.out.splitlines()[0].endswith("UTC: cannot be read")
    assert SECRET not in said.out


async def test_read_only_database_needs_attention(live_hub, environment):
    async with demoted(live_hub.database_url):
        found = await read(environment)
    assert not found.database.accepts_writes
    assert attention(found)["database"] == "PostgreSQL accepts no writes: no payment can be created."


async def test_newer_schema_is_read_unless_this_program_cannot_work_with_it(hub, bus, environment):
    await hub.pool.execute("INSERT INTO schema_migrations (name, class) VALUES ('9001_later', 'rolling')")
    found = await read(environment)
    assert (found.database.schema, found.log.position) == ("newer", 0)
    assert "database" not in attention(found)
    await hub.pool.execute("UPDATE schema_migrations SET class = 'coordinated' WHERE name = '9001_later'")
    found = await read(environment)
    assert (found.database.schema, found.database.newest_migration, found.log) == ("unfit", "9001_later", None)
    assert "9001_later" in attention(found)["database"]
    await hub.pool.execute("DELETE FROM schema_migrations WHERE name IN ('9001_later', '0009_readiness')")
    assert attention(await read(environment))["database"] == "Migrations are missing: run `extrato migrate`."


async def test_log_without_a_leader_is_not_published(hub, bus, environment):
    await hub.append(history.REGISTERED)
    found = await read(environment)
    assert (found.relay.has_leader, found.relay.published, found.relay.behind) == (False, 0, 1)
    leader, lag = (each.sentence for each in found.attention if each.part == "relay")
    assert leader == "No process publishes the log on NATS."
    assert lag.startswith("1 events are not published; the oldest was recorded ")


async def test_fresh_dead_letter_needs_attention(hub, bus, environment):
    await publish_dead_letter(
        bus, consumer="relay", subject="log.1", body=b"{}", headers={"reason": "unreadable_event"}
    )
    found = await read(environment)
    assert found.bus.dead_letters == 1
    assert attention(found)["nats"].startswith("A consumer refused a message ")


async def test_read_model_that_stands_still_is_not_healthy(hub, bus, environment):
    await hub.make_tables()
    async with hub.relaying():
        await hub.append(history.REGISTERED, history.PIX_KEY)
        found = await read(environment)
    assert {each.behind for each in found.read_models} == {2}
    assert {each.is_moving for each in found.read_models} == {False}
    sentence = attention(found)["read models"]
    assert "stands still, 2 events behind" in sentence


async def test_read_model_without_a_checkpoint_is_fully_behind(hub, bus, environment):
    await hub.append(history.REGISTERED)
    await hub.make_tables()
    await hub.pool.execute("DELETE FROM checkpoints WHERE read_model = 'merchants'")
    found = await read(environment)
    assert {each.name: (each.position, each.behind) for each in found.read_models} == {
        name: (None, 1) if name == "merchants" else (1, 0) for name in READ_MODEL_NAMES
    }
    assert attention(found)["read models"] == "merchants was never built: it lacks the whole log."


async def test_tables_that_were_never_built_are_not_read(hub, bus, environment):
    found = await read(environment)
    assert {each.part for each in found.unread} == {"payments", "sweeps", "requests", "accounts"}
    assert all(each.position is None for each in found.read_models)


async def test_late_sweeps_name_ten_accounts(hub, bus, environment):
    await hub.make_tables()
    await hub.pool.execute(
        """INSERT INTO credentials (merchant, provider, account_id, sealed, recorded_at)
           SELECT 'm-' || n, 'mercado_pago', n::text, '', now() - interval '30 days'
           FROM generate_series(1, 2000) AS n"""
    )
    await hub.pool.execute(
        """INSERT INTO sweep_cursors SELECT 'm-' || n || '.mercado_pago', now() - n * interval '1 minute', now()
           FROM generate_series(1, 1500) AS n"""
    )
    await hub.pool.execute(
        """INSERT INTO open_payments
               (payment_id, merchant, provider, charged, opened_at, watch_until, settled, document)
           SELECT n, 'm-' || n, 'mercado_pago', true, now() - interval '1 hour', now() + n * interval '1 minute',
               false, '{}' FROM generate_series(1, 2) AS n"""
    )
    found = await read(environment)
    lanes = {lane.lane: lane for lane in found.sweeps}
    assert {name: lane.accounts for name, lane in lanes.items()} == {"fast": 2, "quiet": 1498}
    assert [each.account for each in lanes["quiet"].oldest][:2] == ["m-1500.mercado_pago", "m-1499.mercado_pago"]
    assert len(lanes["quiet"].oldest) == 10
    # Their watches began at most nine minutes ago, and the sweeps before belong to a slower lane.
    ages_s = [each.age_s for each in lanes["fast"].oldest]
    assert 120 <= ages_s[0] < 180
    assert ages_s[0] - ages_s[1] == pytest.approx(60)
    sentences = [each.sentence for each in found.attention if each.part == "sweeps"]
    assert [sentence.partition(" is late")[0] for sentence in sentences] == ["The fast lane", "The quiet lane"]
    assert (found.payments.open, found.payments.watched, found.accounts.connected) == (2, 2, 2000)
    assert len(screen(found).splitlines()) < 50


async def test_refused_accounts_are_named_apart_from_the_lanes(hub, bus, environment):
    await hub.make_tables()
    await hub.pool.execute(
        """INSERT INTO credentials (merchant, provider, account_id, sealed, recorded_at, refused_at)
           SELECT 'm-' || n, 'mercado_pago', n::text, '', now() - interval '30 days',
               CASE WHEN n <= 20 THEN now() - interval '40 minutes' WHEN n = 21 THEN now() - interval '46 minutes' END
           FROM generate_series(1, 40) AS n"""
    )
    await hub.pool.execute(
        """INSERT INTO sweep_cursors SELECT 'm-' || n || '.mercado_pago', now() - n * interval '1 minute', now()
           FROM generate_series(2, 30) AS n"""
    )
    found = await read(environment)
    (lane,) = found.sweeps
    assert (lane.accounts, lane.oldest[0].account) == (10, "m-30.mercado_pago")
    assert (found.refused.refused, found.refused.swept) == (20, 30)
    assert [each.account for each in found.refused.oldest[:3]] == [f"m-{n}.mercado_pago" for n in (1, 20, 19)]
    assert len(found.refused.oldest) == 10
    assert attention(found)["refused"] == "The provider refuses the credentials of 20 of 30 accounts."


async def test_webhook_that_waits_too_long_needs_attention(hub, bus, environment):
    await hub.pool.execute(
        """INSERT INTO webhook_deliveries (delivery_id, merchant, provider, kind, resource_id, verdict, evidence,
                                           correlation_id, received_at, next_attempt_at)
           SELECT gen_random_uuid(), 'm', 'mercado_pago', 'payment', '1', verdict, '', 'c', now() - interval '1 hour',
               CASE verdict WHEN 'verified' THEN now() END FROM unnest('{verified,unverified}'::text[]) AS verdict"""
    )
    found = await read(environment)
    assert found.webhooks.waiting == 1
    assert attention(found)["webhooks"] == "1 verified webhooks wait to be handled; the oldest came 60 min ago."


async def test_health_ports_are_asked(hub, bus, environment):
    async def answer(_request):
        checks = {"bus": {"status": "unavailable", "reason": "NATS is not connected."}, "database": {"status": "ok"}}
        return web.json_response({"status": "degraded", "checks": checks})

    app, port = web.Application(), free_port()
    app.router.add_get("/readyz", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        ports = [("gateway", f"http://127.0.0.1:{port}/"), ("gateway", f"http://127.0.0.1:{free_port()}")]
        found = await read_status(Settings.from_environment(environment), health_ports=ports, is_in_home=False)
        settings = Settings.from_environment({**environment, "EXTRATO_PUBLIC_URL": f"http://127.0.0.1:{port}"})
        at_home = await read_status(settings, health_ports=[], is_in_home=True)
    finally:
        await runner.cleanup()
    ready, lost, *others = found.roles
    assert (ready.seen, ready.readiness, ready.reason) == (True, "degraded", "NATS is not connected.")
    assert (lost.seen, lost.reason) == (False, "It does not answer (ClientConnectorError).")
    assert [role.name for role in others] == ["monitor", "projections"]
    assert at_home.roles[0] == ready


async def test_running_rebuild_is_shown(hub, bus, environment):
    await hub.pool.execute("CREATE TABLE merchants_shadow ()")
    assert not any(each.is_rebuilding for each in (await read(environment)).read_models)
    async with hub.pool.acquire() as connection:
        await connection.execute(rebuild.LOCK, REBUILD_CLASS, "merchants")
        found = await read(environment)
        await connection.execute("SELECT pg_advisory_unlock_all()")
    assert [each.name for each in found.read_models if each.is_rebuilding] == ["merchants"]


async def test_unusable_settings_and_a_home_without_a_hub_are_unreadable(tmp_path):
    for environment in ({"EXTRATO_PORT": "none"}, {"EXTRATO_HOME": str(tmp_path)}):
        said = await run_command(("status", "--json"), lines="", environment=environment)
        assert (said.code, json.loads(said.out)["verdict"]) == (2, "unreadable")


def test_names_agree_with_the_projections():
    assert tuple(each.name for each in READ_MODELS) == READ_MODEL_NAMES
    assert CONSUMER_OF_ROLE["projections"][1] == DURABLE
