"""How many sockets may be open, WebSockets and Socket.IO's clients together: in all, and for any one who opens them.

An address may be a whole telephone network's or an office's, so it has room for many payers; but a few addresses, a
payment's token that went round or one merchant's key cannot take the places of everybody else. A Socket.IO session
is a stranger's until its client has introduced itself, which takes no longer than a message does.
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

Kind = Literal["all", "address", "key", "payer", "strangers", "stranger_address"]

MAX_SOCKETS: Final = 10_000
BOUNDS: Final[Mapping[Kind, int]] = {
    "all": MAX_SOCKETS,
    "address": 500,
    "key": 1000,
    "payer": 20,
    "strangers": 2000,
    "stranger_address": 50,
}
COME_BACK_AFTER_S: Final = 5.0

# Of these everybody has his own; the others are shared, and full is nobody's fault.
_OWN: Final = frozenset({"address", "key", "payer", "stranger_address"})


class Places:
    """The places of this process; what nobody holds is not remembered."""

    def __init__(self, bounds: Mapping[Kind, int] = BOUNDS) -> None:
        self._bounds = bounds
        self._held: Counter[tuple[Kind, str]] = Counter()

    @property
    def remembered(self) -> int:
        """Count what is remembered: at most four things for each place that is held."""
        return len(self._held)

    def take(self, address: str, caller: Caller) -> Place:
        """Give a place to a socket; raises `TooManyRequests`, or `Overloaded` when all are taken."""
        place = Place(self, address)
        place.introduce(caller)
        return place

    def take_as_stranger(self, address: str) -> Place:
        """Give a place to a session that has shown nothing yet; raises as `take` does."""
        place = Place(self, address)
        place.hold((("all", ""), ("strangers", ""), ("stranger_address", address)))
        return place

    def hold(self, what: tuple[tuple[Kind, str], ...]) -> None:
        """Count one more of each, or none of them."""
        for kind, whose in what:
            if self._held[kind, whose] >= self._bounds[kind]:
                LIMITED.labels("sockets").inc()
                raise _refusal(kind)
        self._held.update(what)

    def release(self, what: tuple[tuple[Kind, str], ...]) -> None:
        """Count one less of each."""
        for each in what:
            self._held[each] -= 1
            if not self._held[each]:
                del self._held[each]


class Place:
    """The place of one socket, until it leaves."""

    def __init__(self, places: Places, address: str) -> None:
        self._places = places
        self._address = address
        self._holds: tuple[tuple[Kind, str], ...] = ()

    def introduce(self, caller: Caller) -> None:
        """Hold it for a caller and no longer for a stranger; raises as `Places.take` does, and holds nothing then."""
        whose: tuple[tuple[Kind, str], ...] = ()
        if caller.payment is not None:
            whose = (("payer", str(caller.payment.payment_id)),)
        elif caller.actor_id is not None:
            whose = (("key", f"{caller.merchant} {caller.actor_id}"),)
        self.hold((("all", ""), ("address", self._address), *whose))

    def hold(self, what: tuple[tuple[Kind, str], ...]) -> None:
        """Hold other things than before."""
        self.leave()
        self._places.hold(what)
        self._holds = what

    def leave(self) -> None:
        """Give it back; a second time is harmless."""
        holds, self._holds = self._holds, ()
        self._places.release(holds)


def _refusal(kind: Kind) -> TooManyRequests | Overloaded:
    if kind in _OWN:
        return TooManyRequests(kind, why="sockets", retry_after_s=COME_BACK_AFTER_S)
    return Overloaded(kind, why="sockets", retry_after_s=COME_BACK_AFTER_S)
