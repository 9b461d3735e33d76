"""Processes of an older version run while this version migrates their database; then it opens their home."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import pytest

from contracts.events import EVENT_OF_TOPIC
from extrato.store.log import LogReader
from extrato.store.migrations import CLASSES
from services.projections.read_models.registry import READ_MODELS
from services.projections.rebuild import rebuild
from tests.changelog import sections
from tests.commands import run_command
from tests.pace import until
from tests.running_hub import ROOT, running_hub
from tests.unit.projections.tables import every_row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.running_hub import RunningHub

# The version from which this one can be upgraded. After a release, write the released commit here.
OLDER = "a41c49cdbfd5be3c72e653a593c28d6d6c768e51"

PARTS_OF_THE_PROGRAM = ("contracts", "extrato", "services", "deploy/migrations")
BUYERS = 2
PAYER = "ana.alencar@payers.example"
TABLES = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'"


@pytest.fixture
def older_code(tmp_path: Path) -> Path:
    """The code of the older version in a folder."""
    git = ("git", "-c", "safe.directory=*", "-C", str(ROOT))
    found = subprocess.run((*git, "cat-file", "-e", f"{OLDER}^{{commit}}"), capture_output=True, check=False)
    assert found.returncode == 0, (
        f"The commit {OLDER} of the older version is missing. This test needs the whole history: git fetch --unshallow"
    )
    archive = subprocess.run((*git, "archive", OLDER, *PARTS_OF_THE_PROGRAM), capture_output=True, check=True)
    subprocess.run(("tar", "--extract", "--directory", str(tmp_path)), input=archive.stdout, check=True)
    return tmp_path


def test_changelog_says_what_a_rollback_breaks_for_each_new_event():
    git = ("git", "-c", "safe.directory=*", "-C", str(ROOT))
    listed = subprocess.run(
        (*git, "ls-tree", "--name-only", OLDER, "contracts/schemas/"), capture_output=True, check=True, text=True
    )
    known = {PurePosixPath(line).stem for line in listed.stdout.splitlines()}
    newest = sections((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))[0]
    rollback = newest.text.partition("### Rollback\n")[2].partition("\n### ")[0]
    assert set(EVENT_OF_TOPIC) - known <= set(re.findall(r"`(\w+\.v\d+)`", rollback))


class Traffic:
    """Creations, each followed by a payment at the provider, which sends the hub a webhook."""

    def __init__(self, hub: RunningHub) -> None:
        self.paid: list[int] = []
        self._hub = hub
        self._is_stopping = False

    @contextlib.asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Buy while the body runs, and fail when a request failed."""
        buyers = [asyncio.create_task(self._buy()) for _ in range(BUYERS)]
        try:
            yield
        finally:
            self._is_stopping = True
            await asyncio.gather(*buyers)

    async def more(self) -> None:
        """Wait until some requests began after this moment and were answered."""
        wanted = len(self.paid) + 3 * BUYERS
        await until(lambda: len(self.paid) >= wanted, "more payments")

    async def _buy(self) -> None:
        while not self._is_stopping:
            link = await self._create()
            pay = {"external_reference": link["external_reference"], "outcome": "approved"}
            await self._hub.sandbox("POST", "/_sandbox/pay", pay)
            self.paid.append(link["payment_id"])

    async def _create(self) -> dict:
        bread = {"nome": "Pão Francês", "quantidade": 10}
        body = {"padaria_slug": self._hub.merchant, "items": [bread], "payer_email": PAYER}
        key = {"Idempotency-Key": uuid4().hex}
        status, answer = await self._hub.post("/payments/api/generate-link/", body, key)
        while status == 503:
            # The answer to a request that waited too long for the lock of a migration; a shop repeats it.
            await asyncio.sleep(0.1)
            status, answer = await self._hub.post("/payments/api/generate-link/", body, key)
        assert status == 200, answer
        return answer


async def test_older_processes_run_on_and_this_version_opens_their_home(home, older_code):
    known = {path.stem for path in (older_code / "deploy" / "migrations").glob("*.sql")}
    kinds = {name: kind for name, kind in CLASSES.items() if name not in known}
    async with running_hub(home, code=older_code) as older:
        traffic, pids = Traffic(older), processes_of(older)
        async with traffic.flowing():
            await traffic.more()
            # Before any other migration the older processes are stopped, and the start of this version applies it.
            if set(kinds.values()) <= {"rolling"}:
                assert await migrate(older) == [f"{name} (rolling): applied" for name in kinds]
                await traffic.more()
        older.webhooks_failed_before = 0
        await older.until_webhooks_are_delivered(until)
        await until(lambda: is_shown(older, traffic.paid), "the older read models show every payment")
        assert processes_of(older) == pids
        assert errors_in(older) == []
    async with running_hub(home) as hub:
        assert await hub.rows("SELECT name, class FROM schema_migrations ORDER BY name") == list(CLASSES.items())
        created_after = await hub.link()
        assert [(await hub.check(number))["status"] for number in traffic.paid] == ["approved"] * len(traffic.paid)
        await until(lambda: is_shown(hub, [created_after["payment_id"]], status="pending"), "the new payment is shown")
        await until(lambda: is_like_the_log(hub), "the log rests for a comparison")
        assert {(await hub.check(number))["payer_email"] for number in traffic.paid} == {PAYER}
        assert await tables_with(hub, PAYER) == []


def processes_of(hub: RunningHub) -> dict[str, int]:
    """The process ids by name; a restart would change one."""
    return json.loads((hub.home / "run" / "processes.json").read_text())


def errors_in(hub: RunningHub) -> list[str]:
    return [line for line in hub.logs().splitlines() if '"level":"error"' in line.replace(" ", "")]


async def migrate(hub: RunningHub) -> list[str]:
    """Run this version's `extrato migrate`, and return the lines about migrations."""
    done = await run_command(
        ("migrate",),
        lines="",
        environment={
            "EXTRATO_DATABASE_URL": hub.addresses["database_url"],
            "EXTRATO_MIGRATION_DATABASE_URL": hub.owners_database_url,
        },
    )
    assert (done.code, done.errors) == (0, "")
    return done.out.splitlines()[:-1]


async def is_shown(hub: RunningHub, payments: list[int], *, status: str = "approved") -> bool:
    query = "SELECT count(*) FROM payment_details WHERE payment_id = ANY ($1) AND status = $2"
    return await hub.rows(query, payments, status) == [(len(payments),)]


async def is_like_the_log(hub: RunningHub) -> bool:
    """Compare each read model with a replay of the log; False when the log grew meanwhile."""
    async with asyncpg.create_pool(hub.addresses["database_url"], min_size=1, max_size=2) as pool:
        log = LogReader(pool)
        head = await log.head()
        if set(await hub.rows("SELECT position FROM checkpoints")) != {(head,)}:
            return False
        shown = await rows_of_read_models(hub)
        for read_model in READ_MODELS:
            await rebuild(read_model, database_url=hub.addresses["database_url"], log=log)
        replayed = await rows_of_read_models(hub)
        if await log.head() != head:
            return False
    assert replayed == shown
    assert shown["payment_details"]
    return True


async def tables_with(hub: RunningHub, text: str) -> list[str]:
    """The tables with a row that has the text, or its bytes in hex."""
    patterns = [f"%{text}%", f"%{text.encode().hex()}%"]
    query = "SELECT 1 FROM {} AS t WHERE t::text LIKE ANY ($1) LIMIT 1"
    return [name for (name,) in await hub.rows(TABLES) if await hub.rows(query.format(name), patterns)]


async def rows_of_read_models(hub: RunningHub) -> dict[str, list[tuple]]:
    return {table: await hub.rows(query) for each in READ_MODELS for table, query in every_row(each)}
