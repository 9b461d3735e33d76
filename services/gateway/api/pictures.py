"""QR pictures: drawn on the first request for one, by threads, and remembered."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from extrato.errors import Overloaded
from extrato.qr import draw_png, draw_svg
from services.gateway.metrics import PICTURES_DRAWN

REMEMBERED: Final = 2000
MAX_DRAWING: Final = 64


class Pictures:
    """Draws each picture once, however many ask for it at the same time."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="pictures")
        self._drawn: OrderedDict[tuple[str, bool], bytes] = OrderedDict()
        self._drawing: dict[tuple[str, bool], asyncio.Future[bytes]] = {}

    async def draw(self, payload: str, *, is_svg: bool) -> bytes:
        """Give the picture of a code; raises `Overloaded` when too many are being drawn."""
        key = (payload, is_svg)
        if key in self._drawn:
            self._drawn.move_to_end(key)
            return self._drawn[key]
        if key not in self._drawing:
            if len(self._drawing) >= MAX_DRAWING:
                msg = "Too many pictures are being drawn; try again in a moment."
                raise Overloaded(msg)
            PICTURES_DRAWN.inc()
            draw = draw_svg if is_svg else draw_png
            drawing = asyncio.get_running_loop().run_in_executor(self._threads, draw, payload)
            self._drawing[key] = asyncio.ensure_future(drawing)
            self._drawing[key].add_done_callback(lambda done: self._keep(key, done))
        return await asyncio.shield(self._drawing[key])

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _keep(self, key: tuple[str, bool], done: asyncio.Future[bytes]) -> None:
        del self._drawing[key]
        if done.cancelled() or done.exception() is not None:
            return
        self._drawn[key] = done.result()
        while len(self._drawn) > REMEMBERED:
            self._drawn.popitem(last=False)
