"""QR pictures: threads draw each one on its first request, and a cache keeps it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from cachetools import LRUCache

from extrato.errors import Overloaded
from extrato.qr import draw_png, draw_svg
from services.gateway.metrics import PICTURES_DRAWN
from services.gateway.single_flight import SingleFlight

MAX_REMEMBERED: Final = 2000
MAX_DRAWING: Final = 64


class QrPictures:
    """Draws each picture once: concurrent requests for one picture share the work."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="pictures")
        self._drawn: LRUCache[tuple[str, bool], bytes] = LRUCache(MAX_REMEMBERED)
        self._drawing: SingleFlight[tuple[str, bool], bytes] = SingleFlight()

    async def draw(self, payload: str, *, is_svg: bool) -> bytes:
        """Return the picture of a code; raises `Overloaded` when too many are being drawn."""
        key = (payload, is_svg)
        drawn = self._drawn.get(key)
        if drawn is not None:
            return drawn
        if key not in self._drawing and len(self._drawing) >= MAX_DRAWING:
            raise Overloaded(why="pictures")
        return await self._drawing.run(key, lambda: self._draw(payload, is_svg=is_svg))

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _draw(self, payload: str, *, is_svg: bool) -> bytes:
        PICTURES_DRAWN.inc()
        draw = draw_svg if is_svg else draw_png
        drawn = await asyncio.get_running_loop().run_in_executor(self._threads, draw, payload)
        self._drawn[payload, is_svg] = drawn
        return drawn
