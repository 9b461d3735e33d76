"""Draws QR codes. One takes 10 to 25 ms of processor time, so draw outside the event loop."""

from __future__ import annotations

import itertools
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qrcode.main import QRCode


def draw_png(payload: str) -> bytes:
    """Draw `payload` as a black and white PNG of ten pixels a module."""
    from qrcode.image.pil import PilImage  # noqa: PLC0415 - as in _code

    stream = BytesIO()
    _code(payload).make_image(image_factory=PilImage).save(stream)
    return stream.getvalue()


def draw_svg(payload: str) -> bytes:
    """Draw `payload` as a standalone SVG document in UTF-8, one millimetre a module, on white.

    Adjacent dark modules are one line: a quarter of the bytes that one square for each module would need.
    """
    rows = _code(payload).get_matrix()
    side = len(rows)
    lines = "".join(_line(row, y) for y, row in enumerate(rows))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{side}mm" height="{side}mm" viewBox="0 0 {side} {side}">'
        f'<rect fill="white" width="100%" height="100%"/><path stroke="#000" d="{lines}"/></svg>\n'
    ).encode()


def _line(row: list[bool], y: int) -> str:
    """Return a row as an SVG path along its middle: for each dark run the distance to it, and its length."""
    path, skipped = f"M0 {y}.5", 0
    for is_dark, modules in itertools.groupby(row):
        length = len(list(modules))
        path += f"m{skipped} 0h{length}" if is_dark else ""
        skipped = 0 if is_dark else length
    return path if any(row) else ""


def _code(payload: str) -> QRCode[Any]:
    """Encode with error correction M and the quiet zone of four modules that ISO/IEC 18004 demands.

    The libraries are imported at the first picture, because most processes never draw one.
    """
    from qrcode.constants import ERROR_CORRECT_M  # noqa: PLC0415
    from qrcode.main import QRCode  # noqa: PLC0415

    code = QRCode(error_correction=ERROR_CORRECT_M, box_size=10, border=4)
    code.add_data(payload)
    return code
