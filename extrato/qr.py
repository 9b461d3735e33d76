"""Pictures of QR codes. One takes 10 to 25 ms of processor time, so draw away from the event loop."""

from __future__ import annotations

from io import BytesIO
from typing import Any


def draw_png(payload: str) -> bytes:
    """Draw `payload` as a black and white PNG of ten pixels a module."""
    from qrcode.image.pil import PilImage  # noqa: PLC0415 - as in _picture

    return _picture(payload, PilImage)


def draw_svg(payload: str) -> bytes:
    """Draw `payload` as a standalone SVG document in UTF-8, one millimetre a module, on white."""
    from qrcode.image.svg import SvgPathFillImage  # noqa: PLC0415 - as in _picture

    return _picture(payload, SvgPathFillImage)


def _picture(payload: str, image_factory: type[Any]) -> bytes:
    """Draw with error correction M and the quiet zone of four modules that ISO/IEC 18004 demands.

    The libraries are imported at the first picture, for most processes never draw one.
    """
    from qrcode.constants import ERROR_CORRECT_M  # noqa: PLC0415
    from qrcode.main import QRCode  # noqa: PLC0415

    code = QRCode(error_correction=ERROR_CORRECT_M, box_size=10, border=4, image_factory=image_factory)
    code.add_data(payload)
    stream = BytesIO()
    code.make_image().save(stream)
    return stream.getvalue()
