"""The fault dial: the faults that the simulated provider has at the moment."""

from __future__ import annotations

import asyncio
import math
import random
import time
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from services.sandbox.state.errors import (
    PolicyError,
    bad_request,
    internal_error,
    invalid_access_token,
    too_many_requests,
)
from services.sandbox.state.json_body import WrongBody, refuse_unknown
from services.sandbox.state.search_index import MAX_LAG_MS

if TYPE_CHECKING:
    from collections.abc import Callable

ErrorKind = Literal[
    "internal_error", "bad_request", "too_many_requests", "invalid_access_token", "policy", "html", "connection_reset"
]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=120_000)]

# The rate limit counts this many clients; beyond that it starts again with none.
_MAX_BUCKETS = 1_000


class Faults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of the dial; the defaults are no fault. They end with the process.

    - `error_rate` fails that share of the calls with `error_kind` before the call has an effect. The default kind is
      500; `too_many_requests` is 429 without `Retry-After`, and `html` is a 502 page.
    - `lost_answers` fails that share of the calls with side effects after the effect.
    - `rate_limit_per_s` applies to each access token; 0 is no limit.
    - `pix_refused` rejects a new Pix for risk, so that it has no code.
    - `refunds_in_process` keeps refunds of payments in process, and `order_refunds` with `processing` those of orders,
      until `POST /_sandbox/refunds/{id}` ends them.
    - `order_refunded_as_processed` shows a fully refunded order as `processed`/`refunded`, not `refunded`/`refunded`.
    - `webhooks`, when off, drops the webhooks of that time permanently.
    - `webhook_duplicates` is the number of extra copies.
    - `webhook_shuffle` delays each webhook by up to half a second at random, which changes their order.
    - `webhook_signs_raw_id` signs the id of an order as it is, not in lower case.
    """

    latency_ms: Milliseconds = 0
    error_kind: ErrorKind = "internal_error"
    error_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    lost_answers: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    rate_limit_per_s: Annotated[float, msgspec.Meta(ge=0, le=1_000_000)] = 0.0
    pix_refused: bool = False
    refunds_in_process: bool = False
    order_refunds: Literal["made", "processing"] = "made"
    order_refunded_as_processed: bool = False
    webhooks: bool = True
    webhook_delay_ms: Milliseconds = 0
    webhook_duplicates: Annotated[int, msgspec.Meta(ge=0, le=20)] = 0
    webhook_shuffle: bool = False
    webhook_bad_signature: bool = False
    webhook_signs_raw_id: bool = False
    webhook_ts_in_ms: bool = False
    search_lag_ms: Annotated[int, msgspec.Meta(ge=0, le=MAX_LAG_MS)] = 0


class BrokenAnswer(Exception):
    """The call gets no answer of the API, but an HTML page of a proxy, or a closed connection."""

    def __init__(self, *, is_reset: bool) -> None:
        """Set whether the connection is cut."""
        super().__init__("reset" if is_reset else "html")
        self.is_reset = is_reset


class InvalidFaults(ValueError):
    """The change of the dial is wrong; the message says why."""


class FaultDial:
    """Holds the current faults, and applies them to provider calls."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Start without faults."""
        self.now = Faults()
        self._monotonic = monotonic
        self._buckets: dict[str, tuple[float, float]] = {}

    def change(self, change: dict[str, object]) -> Faults:
        """Change the named faults and keep the others; raises `InvalidFaults`."""
        merged = msgspec.structs.asdict(self.now) | change
        try:
            refuse_unknown(change, Faults)
            self.now = msgspec.convert(merged, Faults, strict=True)
        except WrongBody as error:
            raise InvalidFaults(str(error)) from error
        except msgspec.ValidationError as error:
            raise InvalidFaults(f"{error}.") from error
        self._buckets.clear()
        return self.now

    def reset(self) -> None:
        """Remove all faults."""
        self.now = Faults()
        self._buckets.clear()

    async def before_call(self, client: str) -> None:
        """Apply latency, then maybe raise a `ProviderError` or `BrokenAnswer`."""
        faults = self.now
        if faults.latency_ms:
            await asyncio.sleep(faults.latency_ms / 1000)
        if faults.rate_limit_per_s:
            self._take_token(client, faults.rate_limit_per_s)
        if faults.error_rate and random.random() < faults.error_rate:  # noqa: S311 - dice, not a secret
            raise _error(faults.error_kind)

    def after_call(self, method: str) -> None:
        """Maybe raise a `ProviderError` or `BrokenAnswer` after a call with side effects."""
        faults = self.now
        if method != "GET" and faults.lost_answers and random.random() < faults.lost_answers:  # noqa: S311 - dice
            raise _error(faults.error_kind)

    def _take_token(self, client: str, per_s: float) -> None:
        """Take a token from the client's bucket, which holds the calls of one second and refills steadily."""
        size = max(1.0, per_s)
        now_s = self._monotonic()
        if len(self._buckets) > _MAX_BUCKETS:
            self._buckets.clear()
        tokens, seen_s = self._buckets.get(client, (size, now_s))
        tokens = min(size, tokens + (now_s - seen_s) * per_s)
        if tokens < 1:
            self._buckets[client] = (tokens, now_s)
            raise too_many_requests(max(1, math.ceil((1 - tokens) / per_s)))
        self._buckets[client] = (tokens - 1, now_s)


def _error(kind: ErrorKind) -> Exception:
    match kind:
        case "html" | "connection_reset":
            return BrokenAnswer(is_reset=kind == "connection_reset")
        case "policy":
            return PolicyError()
        case "invalid_access_token":
            return invalid_access_token()
        case "too_many_requests":
            return too_many_requests(None)
        case "bad_request":
            return bad_request("Params Error", code=1)
        case "internal_error":
            return internal_error()
