"""Reads until when the certificate of a server is valid."""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

ANSWER_WITHIN_S: Final = 5.0


async def certificate_end_s(host: str, port: int) -> float:
    """Return the end of a server's certificate, in seconds since 1970; raises `OSError` and `TimeoutError`.

    An invalid certificate is an `ssl.SSLCertVerificationError`, which is an `OSError`.
    """
    async with asyncio.timeout(ANSWER_WITHIN_S):
        _, writer = await asyncio.open_connection(host, port, ssl=ssl.create_default_context())
        try:
            certificate = writer.get_extra_info("peercert")
            return float(ssl.cert_time_to_seconds(certificate["notAfter"]))
        finally:
            writer.transport.abort()
