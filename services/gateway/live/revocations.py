"""Ends the sockets that were opened with an API key which was revoked since."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from extrato.errors import Transient

if TYPE_CHECKING:
    from extrato.use_cases.merchants import MerchantDirectory
    from services.gateway.live.fanout import Fanout

LOOK_S: Final = 5.0


async def end_revoked(fanout: Fanout, merchants: MerchantDirectory) -> None:
    """Recognise the keys of all sockets again, every few seconds, for ever."""
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            for listener in fanout.listeners:
                if listener.api_key is not None and await merchants.recognise(listener.api_key) is None:
                    listener.close("key_revoked")
        except Transient:
            # The database is away; whose key was revoked is told when it is back.
            continue
