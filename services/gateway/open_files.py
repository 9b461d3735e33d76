"""Lets the process have as many files open as there may be sockets, each of which is one."""

from __future__ import annotations

import resource
from typing import Final

import structlog

from services.gateway.live.socket_limits import MAX_SOCKETS

# Room for all sockets and as many requests, connections that are kept, the log's and the bus's.
WANTED: Final = 65_536

_logger = structlog.get_logger(component="gateway")


def allow_many_open_files() -> None:
    """Raise the soft limit as far as the hard one allows, and say so when that is too little."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed <= MAX_SOCKETS:
        _logger.warning("few_open_files", allowed=allowed, sockets=MAX_SOCKETS)
