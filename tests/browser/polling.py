"""How often a page polls, on a clock that the test moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.async_api import expect

if TYPE_CHECKING:
    from playwright.async_api import Page

# How often a page without a socket polls.
POLL_MS = 5_000
# Shorter than any interval between two polls.
SOON_MS = 4_000


async def let_page_poll(page: Page) -> None:
    """Move the clock to the next poll; the test installed the clock before it opened the page."""
    await expect(page.locator("html.is-live")).to_be_attached()
    await page.clock.fast_forward(POLL_MS)
