"""The program that redraws logos: what it accepts, what it writes, and the bombs that it refuses before decoding."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image

from services.gateway.workers import logo_process
from services.gateway.workers.logo_process import MAX_PIXELS, MAX_SIDE, MAX_STORED_BYTES, Exit, Refusal, redraw

RED = (200, 30, 30)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def drawn(upload: bytes) -> Image.Image:
    picture = redraw(upload)
    image = Image.open(BytesIO(picture.body))
    assert image.size == (picture.width, picture.height)
    assert picture.media_type == Image.MIME[image.format or ""]
    image.load()
    return image


def refusal(upload: bytes) -> Exit:
    with pytest.raises(Refusal) as refused:
        redraw(upload)
    return refused.value.reason


def noise(mode: str, size: int) -> Image.Image:
    return Image.merge(mode, [Image.effect_noise((size, size), 120) for _ in mode])


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_head(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def jpeg_that_claims(width: int, height: int) -> bytes:
    jpeg = encoded(Image.new("RGB", (20, 10)), "JPEG")
    return jpeg.replace(struct.pack(">HH", 10, 20), struct.pack(">HH", height, width))


# --- accepted -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_small_picture_keeps_its_size(kind: str):
    assert drawn(encoded(Image.new("RGB", (300, 200), RED), kind)).size == (300, 200)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_large_picture_is_drawn_smaller(kind: str):
    assert drawn(encoded(Image.new("RGB", (2000, 1000), RED), kind)).size == (MAX_SIDE, MAX_SIDE // 2)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_is_accepted(mode: str):
    assert drawn(encoded(Image.new(mode, (20, 10)), "PNG")).size == (20, 10)


def test_deep_grey_keeps_its_brightness():
    assert drawn(encoded(Image.new("I;16", (4, 4), 0x8000), "PNG")).getpixel((0, 0)) == (128, 128, 128)


def test_printers_colours_are_converted():
    assert drawn(encoded(Image.new("CMYK", (20, 10)), "JPEG")).mode == "RGB"


def test_transparency_stays():
    image = Image.new("P", (20, 10), 0)
    assert drawn(encoded(image, "PNG", transparency=0)).getpixel((0, 0)) == (0, 0, 0, 0)
    assert drawn(encoded(Image.new("RGBA", (20, 10), (*RED, 128)), "WEBP", lossless=True)).getpixel((0, 0)) == (
        *RED,
        128,
    )


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_animation_becomes_its_first_frame(kind: str):
    frames = [Image.new("RGB", (30, 30), colour) for colour in ("red", "blue")]
    image = drawn(encoded(frames[0], kind, save_all=True, append_images=frames[1:]))
    assert getattr(image, "n_frames", 1) == 1
    assert image.convert("RGB").getpixel((0, 0))[0] > 200


def test_photograph_is_turned_upright_and_loses_its_metadata():
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Camera of Ana"
    upload = encoded(Image.new("RGB", (40, 20), RED), "JPEG", exif=exif, comment=b"at home", icc_profile=b"profile")
    picture = drawn(upload)
    assert picture.size == (20, 40)
    assert not picture.getexif()
    assert picture.info.keys() <= {"dpi", "loop", "background"}
    assert b"Ana" not in redraw(upload).body


def test_text_of_a_png_is_dropped():
    with_text = png_head(1, 1) + chunk(b"tEXt", b"Comment\0Ana") + chunk(b"IDAT", zlib.compress(b"\0\1\2\3"))
    assert b"Ana" not in redraw(with_text + chunk(b"IEND", b"") + b"Ana").body


def test_same_upload_gives_the_same_bytes():
    upload = encoded(noise("RGB", 200), "PNG")
    assert redraw(upload) == redraw(upload)


def test_noise_becomes_a_webp_within_the_limit():
    picture = redraw(encoded(noise("RGBA", MAX_SIDE), "PNG"))
    assert (picture.media_type, len(picture.body) <= MAX_STORED_BYTES) == ("image/webp", True)


def test_noise_above_the_limit_is_drawn_smaller(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(logo_process, "MAX_STORED_BYTES", 50 << 10)
    picture = redraw(encoded(noise("RGBA", 256), "PNG"))
    assert picture.width < 256
    assert len(picture.body) <= 50 << 10


# --- refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "upload",
    [
        b"",
        b"not a picture",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"GIF89a" + bytes(100),
        b"%PDF-1.7",
        b"RIFF\0\0\0\0WEBP",
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"RIFF\0\0\0\0WEBPVP8X" + bytes(14),
        b"RIFF\0\0\0\0WAVEfmt ",
        png_head(10, 10),
        encoded(Image.new("RGB", (10, 10)), "GIF"),
        encoded(Image.new("RGB", (10, 10)), "BMP"),
        encoded(Image.new("RGB", (10, 10)), "TIFF"),
        encoded(Image.new("RGB", (10, 10)), "ICO"),
        encoded(noise("RGB", 100), "PNG")[:5000],
        encoded(noise("RGB", 100), "JPEG")[:3000],
        encoded(noise("RGB", 100), "WEBP")[:3000],
    ],
)
def test_what_is_no_whole_picture_is_refused(upload: bytes):
    assert refusal(upload) == Exit.NOT_A_PICTURE


@pytest.mark.parametrize(
    "upload",
    [
        png_head(MAX_PIXELS + 1, 1) + chunk(b"IDAT", b""),
        png_head(0x7FFFFFFF, 0x7FFFFFFF) + chunk(b"IDAT", b""),
        jpeg_that_claims(9_000, 9_000),
        b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\xff" * 6,
        b"RIFF\0\0\0\0WEBPVP8L" + bytes(4) + b"\x2f" + b"\xff" * 4,
        b"RIFF\0\0\0\0WEBPVP8 " + bytes(10) + b"\xff" * 4,
    ],
)
def test_bomb_is_refused_by_its_head(upload: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(logo_process, "_plain", None)
    assert refusal(upload) == Exit.TOO_MANY_PIXELS


SMALL = Image.new("RGBA", (20, 10), (*RED, 128))
KINDS = {
    "PNG": encoded(SMALL, "PNG"),
    "JPEG": encoded(SMALL.convert("RGB"), "JPEG"),
    "VP8X": encoded(SMALL, "WEBP"),
    "VP8L": encoded(SMALL, "WEBP", lossless=True),
    "VP8 ": encoded(SMALL.convert("RGB"), "WEBP"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_limit_of_pixels_is_exact(kind: str, monkeypatch: pytest.MonkeyPatch):
    upload = KINDS[kind]
    assert kind.encode() in upload or not kind.startswith("VP8")
    monkeypatch.setattr(logo_process, "MAX_PIXELS", 200)
    assert redraw(upload).width == 20
    monkeypatch.setattr(logo_process, "MAX_PIXELS", 199)
    assert refusal(upload) == Exit.TOO_MANY_PIXELS


def test_bomb_in_the_text_of_a_png_is_refused():
    bomb = zlib.compress(bytes(20 << 20))
    upload = png_head(1, 1) + chunk(b"zTXt", b"a\0\0" + bomb) + chunk(b"IDAT", zlib.compress(b"\0\1\2\3"))
    assert len(upload) < 64 << 10
    assert refusal(upload + chunk(b"IEND", b"")) == Exit.NOT_A_PICTURE
