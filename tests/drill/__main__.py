"""The drill, `make drill`: many outages under traffic, one after another. It takes four minutes, and root for a mount.

PostgreSQL and NATS live on a small file system. The traffic is creations, confirmations, a merchant's socket and a
subscriber. Meanwhile the disk fills up, a lock is held, the database is read-only, and NATS rejects every connection.
Then both servers are restored to a copy of some minutes before, and the projections are frozen.

In the end the log, the read models, the stream, the socket and the subscriber must have every acknowledged sale, except
those that the restore lost. The log lines must name every lost event.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg

from contracts.envelope import Cause
from extrato.assembly import open_hub
from extrato.process import open_database
from extrato.settings import Settings
from extrato.store.migrations import migrate
from services.cli.demo import prepare_demo
from services.cli.embedded.nats import EmbeddedNats
from services.cli.embedded.postgres import EmbeddedPostgres
from tests.bench.running import ROOT, UNLIMITED
from tests.drill.traffic import Traffic
from tests.drill.verdict import judge
from tests.homes import new_home
from tests.ports import free_port

DISK = "700M"
SERVICES = ("gateway", "monitor", "projections")
QUIET_S = 5.0


class Site:
    """The servers and services of the drill."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.postgres = EmbeddedPostgres(home)
        self.nats = EmbeddedNats(home)
        self.port = free_port()
        self.environment: dict[str, str] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.is_stopping = False

    async def start(self) -> str:
        """Start all servers and services; return the demo merchant's API key."""
        await self.postgres.start()
        await self.nats.start()
        self.environment = {
            **os.environ,
            **UNLIMITED,
            "EXTRATO_HOME": str(self.home),
            "EXTRATO_PORT": str(self.port),
            "EXTRATO_DATABASE_URL": self.postgres.services_url,
            "EXTRATO_NATS_URL": self.nats.url,
            "EXTRATO_MERCADOPAGO_URL": f"http://127.0.0.1:{free_port()}",
        }
        await migrate(self.postgres.url, services_url=self.postgres.services_url)
        settings = Settings.from_environment(self.environment)
        async with open_database(settings, connections=2) as pool, open_hub(settings, pool=pool, bus=None) as hub:
            cause = Cause(correlation_id="drill", actor="operator")
            demo = await prepare_demo(hub, settings, given_secret="", cause=cause)
        for name in SERVICES:
            self._run(name)
        assert demo.key_file is not None
        return demo.key_file.read_text().strip()

    def _run(self, name: str) -> None:
        with (self.home / f"{name}.log").open("ab") as output:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", f"services.{name}"],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=output,
            )

    async def supervise(self) -> None:
        """Restart a service that has ended, as a supervisor does."""
        while not self.is_stopping:
            for name, process in list(self.processes.items()):
                if process.poll() is not None:
                    print(f"    {name} ended with {process.returncode} and is restarted", flush=True)
                    self._run(name)
            await asyncio.sleep(0.5)

    async def stop(self) -> None:
        self.is_stopping = True
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(10)
        await self.nats.stop()
        await self.postgres.stop()

    async def restore(self, server: EmbeddedPostgres | EmbeddedNats, folder: str, copy: Path) -> None:
        """Stop a server and put a copy of its folder in place of it, while everything else goes on."""
        await server.stop()
        place = self.home / folder
        await asyncio.to_thread(shutil.rmtree, place)
        await asyncio.to_thread(copy_tree, copy, place)
        await server.start()

    async def sql(self, *statements: str) -> None:
        connection = await asyncpg.connect(self.postgres.url, timeout=10)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()


def copy_tree(source: Path, target: Path) -> None:
    # `shutil.copytree` would not copy owners and permissions.
    subprocess.run(["cp", "--archive", str(source), str(target)], check=True)


async def full_disk(site: Site) -> None:
    filler = site.home / "filler"
    with contextlib.suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(b"\0" * (1 << 20))
    await asyncio.sleep(10)
    filler.unlink()
    if not Path(f"/proc/{site.postgres.pid}").exists():
        # PostgreSQL ends when it cannot write its journal; this restarts it, as a supervisor does.
        await site.postgres.stop()
        await site.postgres.start()
    # After a failed write to a stream, NATS rejects all writes until it restarts.
    await site.nats.stop()
    await site.nats.start()


async def lock_of_9_s(site: Site) -> None:
    connection = await asyncpg.connect(site.postgres.url)
    async with connection.transaction():
        await connection.execute("LOCK TABLE payment_details, stored_events IN ACCESS EXCLUSIVE MODE")
        await asyncio.sleep(9)
    await connection.close()


async def read_only(site: Site) -> None:
    await site.sql("ALTER DATABASE extrato SET default_transaction_read_only = on", END_SESSIONS)
    await asyncio.sleep(8)
    await site.sql(
        "SET default_transaction_read_only = off",
        "ALTER DATABASE extrato SET default_transaction_read_only = off",
        END_SESSIONS,
    )


END_SESSIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = 'extrato' AND pid <> pg_backend_pid() AND usename = 'extrato_services'
"""


async def nats_refuses(site: Site) -> None:
    file = site.home / "nats" / "nats.conf"
    configuration = file.read_text()
    password = site.nats.url.partition("extrato:")[2].partition("@")[0]
    file.write_text(configuration.replace(password, "another-password"))
    os.kill(site.nats.pid, signal.SIGHUP)
    await asyncio.sleep(8)
    file.write_text(configuration)
    os.kill(site.nats.pid, signal.SIGHUP)


async def projections_frozen(site: Site) -> None:
    pid = site.processes["projections"].pid
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(30)
    os.kill(pid, signal.SIGCONT)


async def main() -> int:
    with new_home() as home:
        async with disk(home):
            return await run_drill(home)


async def run_drill(home: Path) -> int:
    site = Site(home)
    api_key = await site.start()
    supervising = asyncio.create_task(site.supervise())
    traffic = Traffic(port=site.port, api_key=api_key, nats_url=site.nats.url)
    async with traffic.running():
        await asyncio.sleep(QUIET_S)
        postgres_copy, nats_copy = home / "postgres.copy", home / "nats.copy"
        copied_at = time.time()
        await phase("PostgreSQL stops, is copied, and starts", traffic, backup(site, postgres_copy, nats_copy))
        await phase("full disk for 10 s", traffic, full_disk(site))
        await phase("lock of 9 s", traffic, lock_of_9_s(site))
        await phase("read-only for 8 s", traffic, read_only(site))
        await phase("NATS refuses for 8 s", traffic, nats_refuses(site))
        await phase("NATS as it was at the copy", traffic, site.restore(site.nats, "nats", nats_copy))
        await phase("projections frozen for 30 s", traffic, projections_frozen(site))
        lost_until = time.time()
        restore = site.restore(site.postgres, "postgres", postgres_copy)
        await phase("PostgreSQL as it was at the copy", traffic, restore)
        # Consumers wait until the relay reports the lost events; then they need fresh events to follow.
        await phase("all is well again", traffic, asyncio.sleep(QUIET_S))
    problems = await judge(site, traffic, copied_at=copied_at, lost_until=lost_until)
    await site.stop()
    await supervising
    for problem in problems:
        print(f"WRONG: {problem}")
    if problems:
        shutil.copytree(
            home,
            "/tmp/extrato-drill",
            dirs_exist_ok=True,
            ignore=lambda _, names: [name for name in names if not name.endswith(".log") and name != "logs"],
        )
    print("The drill has failed." if problems else "The drill has passed.")
    return len(problems) > 0


async def backup(site: Site, postgres_copy: Path, nats_copy: Path) -> None:
    for server, folder, copy in ((site.nats, "nats", nats_copy), (site.postgres, "postgres", postgres_copy)):
        await server.stop()
        await asyncio.to_thread(copy_tree, site.home / folder, copy)
        await server.start()


async def phase(name: str, traffic: Traffic, work) -> None:
    print(f"{name} …", flush=True)
    before = traffic.counts()
    await work
    await asyncio.sleep(QUIET_S)
    after = traffic.counts()
    print("    " + ", ".join(f"{what} +{after[what] - before[what]}" for what in after), flush=True)


@contextlib.asynccontextmanager
async def disk(home: Path):
    """Mount a file system that is small enough to be filled."""
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=711", "tmpfs", str(home)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(home)], check=True)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
