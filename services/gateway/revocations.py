"""Closes sockets whose API key is revoked or whose payer's token expires.

The live feed brings each revocation of a key to `Fanout.deliver`, which aborts the key's sockets. This module covers
the rest: a key that was revoked before its socket began to listen, while authentication was still cached; and a
payer's token that expires or whose secret is dropped.
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

CHECK_EVERY_S: Final = 5.0
# How many tokens are checked without a pause, in about a millisecond.
BATCH: Final = 100


async def refuse_revoked(listener: Listener, gateway: Gateway) -> None:
    """Raise `Refused` if the listener's key is revoked or its token has expired."""
    if listener.api_key is not None and await gateway.merchants.authenticate_uncached(listener.api_key) is None:
        raise Refused("unauthenticated", why="unknown_key")
    if has_ended(listener, gateway):
        raise Refused("unauthenticated", why="ended")


async def abort_revoked(gateway: Gateway) -> None:
    """Check the keys and tokens of all sockets every few seconds, also when the live feed is far behind."""
    while True:
        await asyncio.sleep(CHECK_EVERY_S)
        try:
            for number, listener in enumerate(gateway.fanout.listeners):
                if listener.api_key is not None and await gateway.merchants.authenticate(listener.api_key) is None:
                    listener.abort(KEY_REVOKED)
                if has_ended(listener, gateway):
                    listener.abort(TOKEN_ENDED)
                if number % BATCH == 0:
                    await asyncio.sleep(0)
        except Transient:
            # The database does not answer; the next check finds a revoked key.
            continue


def has_ended(listener: Listener, gateway: Gateway) -> bool:
    """Return whether the listener has a payer's token that has expired or lost its secret."""
    caller = listener.caller
    if caller is None or caller.payment is None:
        return False
    return not gateway.tokens.opens(caller.token, caller.payment, now=gateway.hub.now())
