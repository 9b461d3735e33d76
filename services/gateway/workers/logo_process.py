"""The program that redraws one logo: it reads an upload from standard input, and writes a picture to standard output.

It is a separate process, because a decoder that fails on hostile bytes must not fail beside the vault's key. It
imports only Pillow and the standard library, so that Python starts it by its path, in isolated mode.
"""

from __future__ import annotations

import resource
import struct
import sys
from enum import IntEnum
from io import BytesIO
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from PIL import Image

MAX_UPLOAD_BYTES: Final = 512 << 10
MAX_STORED_BYTES: Final = 512 << 10
MAX_PIXELS: Final = 8_000_000
MAX_SIDE: Final = 512
# Beyond this a picture has the noise of a photograph, which WebP stores in much fewer bytes.
MAX_PNG_BYTES: Final = 128 << 10
WEBP_QUALITY: Final = 90

MEMORY_BYTES: Final = 512 << 20
PROCESSOR_S: Final = 4

_FORMATS: Final = ("PNG", "JPEG", "WEBP")
_DEEP_GREY: Final = "I;16"


class Exit(IntEnum):
    """How the program ends; another status, or a signal, means that a limit ended it or the decoder failed."""

    DRAWN = 0
    NOT_A_PICTURE = 3
    TOO_MANY_PIXELS = 4


class Refusal(Exception):
    """The upload is not drawn."""

    def __init__(self, reason: Exit) -> None:
        super().__init__(reason)
        self.reason = reason


class Picture(NamedTuple):
    """A picture that Pillow has written; the sizes are pixels."""

    media_type: str
    width: int
    height: int
    body: bytes


def redraw(upload: bytes) -> Picture:
    """Draw an upload as a still picture of at most `MAX_SIDE` pixels a side, without metadata; raises `Refusal`.

    Nothing of the upload's bytes is kept. The same upload always gives the same bytes.
    """
    # The gateway imports this file for its limits, and never draws.
    from PIL import Image  # noqa: PLC0415

    _bound_webp(upload)
    try:
        with Image.open(BytesIO(upload), formats=_FORMATS) as opened:
            # The file's head has the size; nothing is decoded yet.
            _bound(opened.width, opened.height)
            opened.draft("RGB", (2 * MAX_SIDE, 2 * MAX_SIDE))
            image = _plain(opened)
    except Refusal:
        raise
    except Image.DecompressionBombError as error:
        raise Refusal(Exit.TOO_MANY_PIXELS) from error
    except Exception as error:
        # Pillow raises errors of many kinds for a damaged file.
        raise Refusal(Exit.NOT_A_PICTURE) from error
    return _written(image)


def _bound_webp(upload: bytes) -> None:
    """Check the size of a WebP before Pillow opens it, because the library allocates the canvas when it opens."""
    if upload[:4] != b"RIFF" or upload[8:12] != b"WEBP":
        return
    kind, head = upload[12:16], upload[20:30].ljust(10, b"\0")
    match kind:
        case b"VP8X":
            width, height = 1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little")
        case b"VP8L":
            bits = int.from_bytes(head[1:5], "little")
            width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            width, height = (side & 0x3FFF for side in struct.unpack("<HH", head[6:10]))
        case _:
            raise Refusal(Exit.NOT_A_PICTURE)
    _bound(width, height)


def _bound(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise Refusal(Exit.TOO_MANY_PIXELS)


def _plain(opened: Image.Image) -> Image.Image:
    """Return the first frame, upright, in 8 bits a channel, small, and without anything beside its pixels."""
    from PIL import Image, ImageOps  # noqa: PLC0415

    image = ImageOps.exif_transpose(opened)
    if image.mode.startswith(_DEEP_GREY):
        image = image.convert("I").point(lambda value: value / 256, "L")
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    bare = Image.new(image.mode, image.size)
    bare.paste(image)
    return bare


def _written(image: Image.Image) -> Picture:
    """Write a picture as PNG, or as WebP where that is much smaller; noise that stays too large is drawn smaller."""
    while True:
        body, media_type = _encoded(image, "PNG", optimize=True), "image/png"
        if len(body) > MAX_PNG_BYTES:
            body, media_type = _encoded(image, "WEBP", quality=WEBP_QUALITY), "image/webp"
        if len(body) <= MAX_STORED_BYTES:
            return Picture(media_type, image.width, image.height, body)
        image = image.reduce(2)


def _encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def main() -> int:
    """Draw standard input within limits of memory and time; the first line of the output has type and size."""
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    try:
        picture = redraw(sys.stdin.buffer.read(MAX_UPLOAD_BYTES + 1))
    except Refusal as refusal:
        return refusal.reason
    head = f"{picture.media_type} {picture.width} {picture.height}\n".encode()
    sys.stdout.buffer.write(head + picture.body)
    return Exit.DRAWN


if __name__ == "__main__":
    sys.exit(main())
