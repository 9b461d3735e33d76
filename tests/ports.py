"""Ports for the servers of tests: each worker has its own range, below the ports that the kernel gives to clients.

A server that was killed must find its port free when it comes back, so no worker and no outgoing connection may
have taken it in the meantime. Only the embedded NATS chooses its port itself.
"""

from __future__ import annotations

import itertools
import os
import random
import socket

FIRST_PORT = 11_000
PORTS_OF_A_WORKER = 800
MAX_WORKERS = 24


def range_of(worker: str) -> range:
    """The ports of a worker by its name (`gw0`, `gw1`, …); a run without workers has the last range."""
    number = int(worker.removeprefix("gw")) if worker else MAX_WORKERS - 1
    first = FIRST_PORT + number % MAX_WORKERS * PORTS_OF_A_WORKER
    return range(first, first + PORTS_OF_A_WORKER)


def _round_and_round() -> itertools.cycle[int]:
    ports = list(range_of(os.environ.get("PYTEST_XDIST_WORKER", "")))
    # Two runs on one machine should not use the same ports; if they do, `free_port` skips the used ones.
    start = random.SystemRandom().randrange(len(ports))
    return itertools.cycle(ports[start:] + ports[:start])


_ports = _round_and_round()


def free_port() -> int:
    """Return a port of this worker on which no program listens."""
    for port in itertools.islice(_ports, PORTS_OF_A_WORKER):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("every port of this worker is taken")
