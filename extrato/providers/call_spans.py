"""The span of a request to a provider.

The provider gets no `traceparent`: it is another company, and has no use for the ids of the hub's traces. The query is
left out, because a search may name a payer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from extrato import tracing
from extrato.spans import NO_SPAN

if TYPE_CHECKING:
    from extrato.spans import Span

# A segment with a digit is an id, except the version of the interface.
ID: Final = re.compile(r"(?<=/)(?!v\d+(?:/|$))[^/]*\d[^/]*")


def call_span(method: str, base_url: str, path: str, *, attempt: int) -> Span:
    """Begin the span of one request; `attempt` counts from 1."""
    if not tracing.is_on():
        return NO_SPAN
    template = ID.sub("{id}", path)
    span = tracing.span(f"{method} {template}", "client")
    if span.traceparent:
        address = urlsplit(base_url)
        span.set(
            {
                "http.request.method": method,
                "url.full": f"{address.scheme}://{address.netloc.rpartition('@')[2]}{path}",
                "url.template": template,
                "server.address": address.hostname or "",
                "server.port": address.port or (443 if address.scheme == "https" else 80),
            }
        )
        if attempt > 1:
            span.set({"http.request.resend_count": attempt - 1})
    return span
