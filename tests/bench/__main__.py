"""Measures the hub and simple baselines in one run, and prints a table: `make bench`.

Compare only ratios between machines. `make bench BENCH="creations rebuild"` runs some of the benches.
"""

from __future__ import annotations

import asyncio
import os
import platform
import sys

from tests.bench.lists import lists, projecting
from tests.bench.one_gateway import creations, slow_provider, webhooks
from tests.bench.read_models import rebuild
from tests.bench.running import SECONDS
from tests.bench.statement import statement
from tests.bench.whole_hub import approval, hub, reads, refill, sockets, start, watching

BENCHES = {
    bench.__name__: bench
    for bench in (
        creations,
        webhooks,
        slow_provider,
        approval,
        sockets,
        hub,
        reads,
        watching,
        refill,
        rebuild,
        statement,
        projecting,
        lists,
        start,
    )
}


async def main() -> None:
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {SECONDS:g} s a load\n")
    print("| what | measured | baseline | goal |\n|---|---|---|---|")
    for name in sys.argv[1:] or BENCHES:
        await BENCHES[name]()


if __name__ == "__main__":
    asyncio.run(main())
