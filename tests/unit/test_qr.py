"""Pictures of QR codes are whole images with a quiet zone; both kinds show the same modules."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import product
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from extrato.domain.brcode import encode_static
from extrato.qr import draw_png, draw_svg

if TYPE_CHECKING:
    from collections.abc import Iterator

SVG = "{http://www.w3.org/2000/svg}"
MODULE_PIXELS = 10
QUIET_MODULES = 4


@pytest.fixture(name="payload")
def _payload() -> str:
    return encode_static(
        pix_key="123e4567-e12b-12d1-a456-426655440000",
        receiver_name="Fulano de Tal",
        receiver_city="Brasília",
        amount_centavos=12345,
        txid="PEDIDO123",
    )


def png(payload: str) -> Image.Image:
    image = Image.open(BytesIO(draw_png(payload)), formats=["PNG"])
    image.load()
    return image


def dark_modules(image: Image.Image) -> set[tuple[int, int]]:
    side = image.width // MODULE_PIXELS
    middle = MODULE_PIXELS // 2
    return {
        (column, row)
        for column, row in product(range(side), repeat=2)
        if image.getpixel((column * MODULE_PIXELS + middle, row * MODULE_PIXELS + middle)) == 0
    }


def drawn_modules(path: str) -> Iterator[tuple[int, int]]:
    """The modules that the lines of a path cover, each one along the middle of its row."""
    for line in path.split("M")[1:]:
        start, *steps = line.split("m")
        column, row = 0, int(start.removeprefix("0 ").removesuffix(".5"))
        for step in steps:
            skipped, length = map(int, step.split(" 0h"))
            yield from ((column + skipped + dark, row) for dark in range(length))
            column += skipped + length


def test_png_is_a_square_of_whole_modules_in_black_and_white(payload):
    image = png(payload)
    assert image.width == image.height
    assert image.mode == "1"
    modules, rest = divmod(image.width, MODULE_PIXELS)
    # A symbol has 17 modules and 4 for each version (ISO/IEC 18004).
    assert (rest, (modules - 2 * QUIET_MODULES - 17) % 4) == (0, 0)


def test_quiet_zone_is_four_modules_wide(payload):
    image = png(payload)
    dark = dark_modules(image)
    side = image.width // MODULE_PIXELS
    assert min(map(min, dark)) == QUIET_MODULES
    assert max(map(max, dark)) == side - QUIET_MODULES - 1


def test_error_correction_level_is_m(payload):
    # The first two modules of the row under the upper left finder hold the level, XOR 10; M is 00.
    dark = dark_modules(png(payload))
    row = QUIET_MODULES + 8
    assert [(QUIET_MODULES + column, row) in dark for column in (0, 1)] == [True, False]


def test_svg_shows_the_same_modules_as_the_png(payload):
    image = png(payload)
    root = ET.fromstring(draw_svg(payload))
    assert root.tag == f"{SVG}svg"
    side = image.width // MODULE_PIXELS
    assert root.get("viewBox") == f"0 0 {side} {side}"
    path = root.find(f"{SVG}path")
    assert path.get("stroke") == "#000"
    assert set(drawn_modules(path.get("d"))) == dark_modules(image)


def test_svg_is_smaller_than_one_square_for_each_module(payload):
    assert len(draw_svg(payload)) < 4 * len(dark_modules(png(payload)))


def test_svg_has_a_white_background_for_dark_pages(payload):
    background = ET.fromstring(draw_svg(payload)).find(f"{SVG}rect")
    assert (background.get("fill"), background.get("width"), background.get("height")) == (
        "white",
        "100%",
        "100%",
    )


def test_longest_br_code_has_a_picture():
    payload = "x" * 512
    assert png(payload).width > 0
    assert ET.fromstring(draw_svg(payload)).tag == f"{SVG}svg"


def test_same_payload_gives_the_same_bytes_in_every_thread(payload):
    other = payload.replace("PEDIDO123", "PEDIDO124")
    expected = [draw_png(payload), draw_png(other)] * 8
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(draw_png, [payload, other] * 8)) == expected
    assert expected[0] != expected[1]


def test_module_is_imported_without_the_drawing_libraries():
    script = "import sys, extrato.qr; sys.exit(bool({'PIL', 'qrcode'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0
