"""The bench of rebuilding a read model from the log."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

from extrato.store.migrations import migrate
from services.cli.embedded.nats import EmbeddedNats
from services.cli.embedded.postgres import EmbeddedPostgres
from tests.bench.running import ROOT, fill_log, of_library, query, row
from tests.homes import new_home


async def rebuild() -> None:
    """Measure a rebuild of `payment_details`, and the library's projection runner."""
    with new_home() as home:
        async with EmbeddedPostgres(home) as postgres, EmbeddedNats(home) as nats:
            await migrate(postgres.url)
            count = await fill_log(postgres.url, payments=60_000)
            words = ("-m", "services.projections", "rebuild", "payment_details")
            environment = {
                **os.environ,
                "EXTRATO_HOME": str(home),
                "EXTRATO_DATABASE_URL": postgres.url,
                "EXTRATO_NATS_URL": nats.url,
            }
            took = []
            for _ in range(3):
                start = time.perf_counter()
                subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, check=True, capture_output=True)
                took.append(time.perf_counter() - start)
            rows = await query(postgres.url, "SELECT count(*) FROM payment_details")
            assert rows == 60_000, rows
    library = await of_library("projection")
    rate = count / statistics.median(took)
    row(
        f"rebuilding payment_details from {count:,} events, whole process",
        f"{rate:,.0f} events/s",
        f"the library's ProjectionRunner {library:,.0f}/s: ratio {rate / library:.0f}",
        "at least 20,000/s",
    )
