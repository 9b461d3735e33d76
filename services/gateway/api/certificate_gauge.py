"""Sets the gauge of the days that the certificate of the hub's public address is still valid."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from extrato.certificates import certificate_end_s
from extrato.scrape import Measurement
from services.gateway.metrics import CERTIFICATE_DAYS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

DAY_S: Final = 86_400
# A certificate lasts for weeks, and a connection for each scrape would count as a visitor.
READ_AGAIN_S: Final = 3600.0
# The public address may lead to a proxy that the gateway cannot reach.
TRY_AGAIN_S: Final = 300.0


class CertificateDays:
    """The days left of the certificate of one host; it reads the certificate once in `READ_AGAIN_S`."""

    def __init__(self, host: str, port: int, *, read_end_s: Callable[[str, int], Awaitable[float]]) -> None:
        self._host = host
        self._port = port
        self._read_end_s = read_end_s
        self._end_s: float | None = None
        self._read_again_at_s = 0.0

    async def left(self, *, now_s: float) -> float | None:
        """Return the days left at `now_s`, a Unix time; 0 for an invalid certificate, None for an unreachable host."""
        if now_s >= self._read_again_at_s:
            self._end_s = await self._read(now_s)
            self._read_again_at_s = now_s + (TRY_AGAIN_S if self._end_s is None else READ_AGAIN_S)
        return None if self._end_s is None else max(0.0, (self._end_s - now_s) / DAY_S)

    async def _read(self, now_s: float) -> float | None:
        try:
            return await self._read_end_s(self._host, self._port)
        except ssl.SSLCertVerificationError:
            return now_s
        except (OSError, TimeoutError):
            return None


def measure_certificate(public_url: str) -> Measurement[float | None]:
    """Return the measurement for the host of the public address; an address without TLS has no certificate."""
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    days = CertificateDays(host, parts.port or 443, read_end_s=certificate_end_s)

    async def read() -> float | None:
        return await days.left(now_s=time.time()) if parts.scheme.lower() == "https" else None

    def show(left: float | None) -> None:
        CERTIFICATE_DAYS.clear()
        if left is not None:
            CERTIFICATE_DAYS.labels(host).set(left)

    return Measurement(read, show)
