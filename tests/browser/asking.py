"""The rhythm in which a page asks how its payment stands, on a clock that the test moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.async_api import expect

if TYPE_CHECKING:
    from playwright.async_api import Page

# How often a page without a socket asks.
POLL_MS = 5_000
# Sooner than it would ask by any other rhythm than the one whose time has come.
AT_ONCE_MS = 4_000


async def let_it_ask(page: Page) -> None:
    """Let the time pass after which the page asks; its clock was installed before it was opened."""
    await expect(page.locator("html.is-live")).to_be_attached()
    await page.clock.fast_forward(POLL_MS)
