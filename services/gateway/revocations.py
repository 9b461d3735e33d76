"""No socket outlives the API key or the payer's token that it was opened with.

The live feed brings each revocation of a key to `Fanout.deliver`, which cuts the key's sockets. Here is what the feed
does not see: a key that was revoked before its socket began to listen, while a request's recognition was still
remembered; and a payer's token that ends, or whose secret is dropped.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from extrato.domain.errors import Refused
from extrato.errors import Transient
from services.gateway.live.fanout import KEY_REVOKED, TOKEN_ENDED

if TYPE_CHECKING:
    from services.gateway.gateway import Gateway
    from services.gateway.live.fanout import Listener

LOOK_S: Final = 5.0
# So many payers' tokens are looked at in one go, for about a millisecond.
AT_ONCE: Final = 100


async def refuse_revoked(listener: Listener, gateway: Gateway) -> None:
    """Look whether what one who listens has shown opens as of now; raises `Refused`."""
    if listener.api_key is not None and await gateway.merchants.authenticate_uncached(listener.api_key) is None:
        raise Refused("unauthenticated", why="unknown_key")
    if has_ended(listener, gateway):
        raise Refused("unauthenticated", why="ended")


async def end_revoked(gateway: Gateway) -> None:
    """Look at what all sockets were opened with, every few seconds, for ever: also where the feed is far behind."""
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            for number, listener in enumerate(gateway.fanout.listeners):
                if listener.api_key is not None and await gateway.merchants.authenticate(listener.api_key) is None:
                    listener.abort(KEY_REVOKED)
                if has_ended(listener, gateway):
                    listener.abort(TOKEN_ENDED)
                if number % AT_ONCE == 0:
                    await asyncio.sleep(0)
        except Transient:
            # The database is away; a revoked key is found when it is back.
            continue


def has_ended(listener: Listener, gateway: Gateway) -> bool:
    """Say whether the token of a payer who listens opens nothing any more."""
    caller = listener.caller
    if caller is None or caller.payment is None:
        return False
    return not gateway.tokens.opens(caller.token, caller.payment, now=gateway.hub.now())
