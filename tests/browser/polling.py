"""How often a page polls, on a clock that the test moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.async_api import expect

if TYPE_CHECKING:
    from playwright.async_api import Page

# How often a page without a socket polls.
POLL_MS = 5_000
# A busy machine may take that long to stop a clock.
STOPPED_WITHIN_S = 3


async def stop_clock(page: Page) -> None:
    """Stop the page's clock, which the test installed: from now on only the test moves it."""
    await page.clock.pause_at((await page.evaluate("Date.now()")) / 1000 + STOPPED_WITHIN_S)


async def let_page_poll(page: Page) -> None:
    """Move the clock to the next poll and stop it there, so that the page polls once."""
    await expect(page.locator("html.is-live")).to_be_attached()
    await stop_clock(page)
    await page.clock.fast_forward(POLL_MS)
