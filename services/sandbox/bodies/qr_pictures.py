"""PNG pictures of Pix codes, drawn in a thread and cached."""

from __future__ import annotations

import asyncio
import base64
import io
from collections import OrderedDict

import qrcode
from PIL import Image

_MAX_KEPT = 4_096
_BOX_PIXELS = 6
# Trying all eight masks of the standard is most of the work, and any one of them gives a valid code. With one mask and
# the lowest error correction a picture takes 2 ms instead of 10; every new Pix needs one.
_MASK = 3


class QrPictures:
    """PNG pictures in base64, as in `qr_code_base64`, without a `data:` prefix."""

    def __init__(self) -> None:
        """Start without pictures."""
        self._kept: OrderedDict[str, str] = OrderedDict()

    def kept(self, text: str) -> str | None:
        """Return the cached picture, or None."""
        return self._kept.get(text)

    async def of(self, text: str) -> str:
        """Return the cached picture, or draw it in a thread."""
        picture = self._kept.get(text)
        if picture is None:
            picture = await asyncio.to_thread(_draw, text)
            self._kept[text] = picture
            if len(self._kept) > _MAX_KEPT:
                self._kept.popitem(last=False)
        return picture


def _draw(text: str) -> str:
    code = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_L, mask_pattern=_MASK)
    code.add_data(text)
    code.make()
    matrix = code.get_matrix()
    dots = bytes(0 if dot else 255 for row in matrix for dot in row)
    small = Image.frombytes("L", (len(matrix), len(matrix)), dots).convert("1")
    side = len(matrix) * _BOX_PIXELS
    buffer = io.BytesIO()
    small.resize((side, side), Image.Resampling.NEAREST).save(buffer, format="PNG", compress_level=1)
    return base64.b64encode(buffer.getvalue()).decode()
