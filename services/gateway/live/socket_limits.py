"""Limits how many sockets are open, WebSockets and Socket.IO clients together: in all, and for each holder.

One address may be a telephone network or an office, so its limit leaves room for many payers. The limits keep a few
addresses, a leaked payer's token or one merchant's key from using up the sockets of everyone else. A Socket.IO
session holds an anonymous slot until its client has authenticated, which takes one message.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Literal

from extrato.errors import Overloaded
from services.gateway.http.rate_limits import TooManyRequests
from services.gateway.metrics import LIMITED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.gateway.http.caller import Caller

LimitKind = Literal["all", "address", "key", "payer", "anonymous", "anonymous_address"]

MAX_MESSAGE_BYTES: Final = 4096
MAX_SOCKETS: Final = 10_000
BOUNDS: Final[Mapping[LimitKind, int]] = {
    "all": MAX_SOCKETS,
    "address": 500,
    "key": 1000,
    "payer": 20,
    "anonymous": 2000,
    "anonymous_address": 50,
}
RETRY_AFTER_S: Final = 5.0

# These are counted for each holder; the others are shared, and reaching them is not one client's fault.
_PER_HOLDER: Final = frozenset({"address", "key", "payer", "anonymous_address"})


class SocketLimits:
    """The slots of this process."""

    def __init__(self, bounds: Mapping[LimitKind, int] = BOUNDS) -> None:
        self._bounds = bounds
        self._held: Counter[tuple[LimitKind, str]] = Counter()

    @property
    def remembered(self) -> int:
        """Count the holders in memory: at most four for each slot that is held."""
        return len(self._held)

    def acquire(self, address: str, caller: Caller) -> Slot:
        """Return a slot for a caller's socket; raises `TooManyRequests`, or `Overloaded` when a shared limit is hit."""
        slot = Slot(self, address)
        slot.promote(caller)
        return slot

    def acquire_anonymous(self, address: str) -> Slot:
        """Return a slot for a session that has not authenticated yet; raises as `acquire` does."""
        slot = Slot(self, address)
        slot.hold((("all", ""), ("anonymous", ""), ("anonymous_address", address)))
        return slot

    def hold(self, what: tuple[tuple[LimitKind, str], ...]) -> None:
        """Count one more of each, or none of them."""
        for kind, holder in what:
            if self._held[kind, holder] >= self._bounds[kind]:
                LIMITED.labels("sockets").inc()
                raise _refusal(kind)
        self._held.update(what)

    def release(self, what: tuple[tuple[LimitKind, str], ...]) -> None:
        """Count one less of each."""
        for each in what:
            self._held[each] -= 1
            if not self._held[each]:
                del self._held[each]


class Slot:
    """The slot of one socket, until `release`."""

    def __init__(self, limits: SocketLimits, address: str) -> None:
        self._limits = limits
        self._address = address
        self._holds: tuple[tuple[LimitKind, str], ...] = ()

    def promote(self, caller: Caller) -> None:
        """Hold it for a caller instead of anonymously. Where that raises, it holds nothing."""
        holder: tuple[tuple[LimitKind, str], ...] = ()
        if caller.payment is not None:
            holder = (("payer", str(caller.payment.payment_id)),)
        elif caller.actor_id is not None:
            holder = (("key", f"{caller.merchant} {caller.actor_id}"),)
        self.hold((("all", ""), ("address", self._address), *holder))

    def hold(self, what: tuple[tuple[LimitKind, str], ...]) -> None:
        """Release what it holds, then hold this."""
        self.release()
        self._limits.hold(what)
        self._holds = what

    def release(self) -> None:
        """Free the slot; a second call does nothing."""
        holds, self._holds = self._holds, ()
        self._limits.release(holds)


def _refusal(kind: LimitKind) -> TooManyRequests | Overloaded:
    if kind in _PER_HOLDER:
        return TooManyRequests(kind, why="sockets", retry_after_s=RETRY_AFTER_S)
    return Overloaded(kind, why="sockets", retry_after_s=RETRY_AFTER_S)
