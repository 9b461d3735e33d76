"""Shows how many connections to PostgreSQL a role uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import Gauge

if TYPE_CHECKING:
    import asyncpg

CONNECTIONS: Final = Gauge("extrato_database_connections", "Connections of the role's pool to PostgreSQL.", ["state"])


def show_connections(pool: asyncpg.Pool) -> None:
    """Set the gauge from the pool's own numbers."""
    idle = pool.get_idle_size()
    CONNECTIONS.labels("idle").set(idle)
    CONNECTIONS.labels("used").set(pool.get_size() - idle)
