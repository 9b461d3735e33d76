"""Raises the limit of open file descriptors, because each socket needs one."""

from __future__ import annotations

import resource
from typing import Final

import structlog

from services.gateway.live.socket_limits import MAX_SOCKETS

# Enough for all sockets, and as many for requests, idle connections, PostgreSQL and NATS.
WANTED: Final = 65_536

_logger = structlog.get_logger(component="gateway")


def raise_fd_limit() -> None:
    """Raise the soft limit up to the hard one, and warn when that is too low."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed <= MAX_SOCKETS:
        _logger.warning("few_open_files", allowed=allowed, sockets=MAX_SOCKETS)
