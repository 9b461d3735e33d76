"""`python -m tests.pictures` draws the pictures of README.md: a payer's page, and the timeline of a payment.

A hub with its simulated Mercado Pago runs in a home that is thrown away, and the browser of the tests opens the pages.
The timeline is the output of the README's own command, as text in a window.
"""

from __future__ import annotations

import asyncio
import html
import io
import os
import subprocess
from typing import TYPE_CHECKING, Any

from PIL import Image
from playwright.async_api import async_playwright, expect

from tests import pace
from tests.chromium import ARGUMENTS, CHROMIUM
from tests.documents import README, ROOT, commands, section
from tests.homes import new_home
from tests.running_hub import running_hub

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Browser

    from tests.running_hub import RunningHub

FOLDER = ROOT / "docs" / "images"
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 560}, "device_scale_factor": 1.5, "locale": "pt-BR"}
WINDOW: dict[str, Any] = {"viewport": {"width": 760, "height": 400}, "device_scale_factor": 1.5}
# The pages have few colours, so a palette needs a third of the bytes.
COLOURS = 128
GAP = 24

TERMINAL = """
<body style="margin: 0; background: #1b1f24; color: #d7dde4; font: 13px/1.6 'DejaVu Sans Mono', monospace">
<pre id="window" style="margin: 0; padding: 20px; font: inherit; width: 720px; white-space: pre-wrap;
overflow-wrap: anywhere"><span style="color: #8b96a3">$ {command}</span>
{output}</pre>
"""


async def draw() -> None:
    FOLDER.mkdir(exist_ok=True)
    with new_home() as home:
        async with running_hub(home) as hub, async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=ARGUMENTS)
            _write(await _payer_page(hub, browser), FOLDER / "payer-page.png")
            _write(await _timeline(hub, browser), FOLDER / "payment-timeline.png")
            await browser.close()


async def _payer_page(hub: RunningHub, browser: Browser) -> Image.Image:
    """Draw the page of a Pix before and after its payment, side by side."""
    _, created = await hub.post("/payments/pix", {"value": 35.0, "description": "10x Pão Francês, 1x Bolo"})
    page = await browser.new_page(**PHONE)
    await page.goto(created["payment_url"])
    await expect(page.locator("img")).to_be_visible()
    await page.wait_for_load_state("networkidle")
    before = await page.screenshot(full_page=True)
    confirmation = {"bank_payment_id": created["payment"]["bank_payment_id"], "value": 35.0}
    assert (await hub.post("/payments/pix/confirmation", confirmation))[0] == 200
    await expect(page.locator("h1")).to_have_text("Pagamento confirmado")
    after = await page.screenshot(full_page=True)
    return _beside(before, after)


async def _timeline(hub: RunningHub, browser: Browser) -> Image.Image:
    """Draw the output of the README's timeline command for a paid and refunded link."""
    link = await hub.link()
    number = link["payment_id"]
    await hub.sandbox(
        "POST", "/_sandbox/pay", {"external_reference": link["external_reference"], "outcome": "approved"}
    )

    async def is_paid() -> bool:
        return bool(await hub.status_changes(number))

    await pace.until(is_paid, "the webhook came")
    assert (await hub.post(f"/payments/api/{number}/refund/", {"all": True}))[0] == 200
    (written,) = (each for each in commands(section(README, "The first five minutes"), "curl") if "/events " in each)
    command = written.replace("…", str(number))
    output = subprocess.run(
        ("bash", "-c", command.replace("http://127.0.0.1:8000", hub.url)),
        env={**os.environ, "KEY": hub.api_key},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    page = await browser.new_page(**WINDOW)
    await page.set_content(TERMINAL.format(command=html.escape(command), output=html.escape(output)))
    return Image.open(io.BytesIO(await page.locator("#window").screenshot()))


def _beside(*pictures: bytes) -> Image.Image:
    images = [Image.open(io.BytesIO(each)).convert("RGB") for each in pictures]
    height = max(image.height for image in images)
    width = sum(image.width for image in images) + GAP * (len(images) - 1)
    whole = Image.new("RGB", (width, height), images[-1].getpixel((2, images[-1].height - 2)))
    left = 0
    for image in images:
        whole.paste(image, (left, 0))
        left += image.width + GAP
    return whole


def _write(picture: Image.Image, path: Path) -> None:
    picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1000} kB, {picture.width} x {picture.height}")


if __name__ == "__main__":
    asyncio.run(draw())
