"""Raises the limit of open file descriptors, because each socket needs one."""

from __future__ import annotations

import resource
from typing import Final

import structlog

from services.gateway.live.socket_limits import MAX_SOCKETS

# More than `MAX_SOCKETS`: requests, idle connections, PostgreSQL and NATS need descriptors too.
WANTED_LIMIT: Final = 65_536

_logger = structlog.get_logger(component="gateway")


def raise_fd_limit() -> None:
    """Raise the soft limit to `WANTED_LIMIT` or the hard limit; log a warning if that is too low for all sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = WANTED_LIMIT if hard == resource.RLIM_INFINITY else min(WANTED_LIMIT, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed <= MAX_SOCKETS:
        _logger.warning("few_open_files", allowed=allowed, sockets=MAX_SOCKETS)
