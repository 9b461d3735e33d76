"""No socket outlives the API key that it was opened with.

The live feed brings each revocation to `Fanout.deliver`, which cuts the key's sockets. Here is what the feed does not
see: a key that was revoked before its socket began to listen, while a request's recognition was still remembered.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from extrato.domain.errors import Refused
from extrato.errors import Transient
from services.gateway.live.fanout import KEY_REVOKED

if TYPE_CHECKING:
    from extrato.use_cases.merchants import MerchantDirectory
    from services.gateway.http.context import Gateway
    from services.gateway.live.fanout import Fanout, Listener

LOOK_S: Final = 5.0


async def refuse_revoked(listener: Listener, gateway: Gateway) -> None:
    """Look whether the key of one who listens opens as of now; raises `Refused`. The feed tells what comes later."""
    if listener.api_key is not None and await gateway.merchants.recognise_now(listener.api_key) is None:
        raise Refused("unauthenticated", "The API key is not one of ours.")


async def end_revoked(fanout: Fanout, merchants: MerchantDirectory) -> None:
    """Recognise the keys of all sockets again, every few seconds, for ever: also where the feed is far behind."""
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            for listener in fanout.listeners:
                if listener.api_key is not None and await merchants.recognise(listener.api_key) is None:
                    listener.cut(KEY_REVOKED)
        except Transient:
            # The database is away; whose key was revoked is told when it is back.
            continue
