"""The gauges that the gateway sets when `/metrics` is read."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from extrato.scrape import Measurement, Scrape
from extrato.store import append_metrics
from extrato.store.log_head import measure_head
from extrato.store.pool_gauge import show_connections
from services.gateway.api.account_gauges import measure_accounts
from services.gateway.api.certificate_gauge import measure_certificate
from services.gateway.api.read_model_gauges import measure_read_models
from services.gateway.api.token_gauge import measure_tokens
from services.gateway.api.wal_archive_gauge import measure_wal_archive
from services.gateway.metrics import DEAD_LETTERS, LIVE_POSITION

if TYPE_CHECKING:
    from services.gateway.gateway import Gateway


def gateway_gauges(gateway: Gateway) -> Scrape:
    """Return the gauges of a gateway."""
    pool = gateway.pool

    def set_at_once() -> None:
        append_metrics.WAITING.set(gateway.hub.log.appender.waiting)
        LIVE_POSITION.set(gateway.live.position)
        show_connections(pool)

    return Scrape(
        [
            measure_head(pool),
            measure_read_models(pool),
            measure_wal_archive(pool),
            measure_accounts(pool, gateway.hub),
            measure_tokens(pool, gateway.hub.providers.remote),
            measure_certificate(gateway.settings.public_url),
            Measurement(gateway.bus.dead_letters, _show_dead_letters),
        ],
        set_at_once=set_at_once,
    )


def _show_dead_letters(count: int | None) -> None:
    DEAD_LETTERS.set(math.nan if count is None else count)
