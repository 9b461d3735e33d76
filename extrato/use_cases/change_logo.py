"""Sets and removes a merchant's logo: the picture in its table, and the event that names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extrato.domain.merchant_profile import RemoveLogo, SetLogo
from extrato.use_cases.change_merchant import change_merchant

if TYPE_CHECKING:
    from contracts.envelope import Cause
    from extrato.store.logos import Logo
    from extrato.use_cases.change_merchant import Changed
    from extrato.use_cases.hub import Hub


async def set_logo(hub: Hub, slug: str, logo: Logo, *, cause: Cause) -> Changed:
    """Show a redrawn logo.

    The picture is stored before the event, so that a crash leaves a picture that no event names, never the opposite. It
    is stored again after the event, because a removal at the same time deletes what was stored before it.
    """
    await hub.logos.keep(slug, logo)
    command = SetLogo(digest=logo.digest.hex(), media_type=logo.media_type, width=logo.width, height=logo.height)
    changed = await change_merchant(hub, slug, [command], cause=cause)
    await hub.logos.keep(slug, logo)
    await hub.logos.drop_old(slug, current=logo.digest)
    return changed


async def remove_logo(hub: Hub, slug: str, *, cause: Cause) -> Changed:
    """Show no logo, and delete the merchant's pictures; a repetition deletes what a crash left."""
    began_at = await hub.logos.now()
    changed = await change_merchant(hub, slug, [RemoveLogo()], cause=cause)
    await hub.logos.drop_stored_before(slug, began_at)
    return changed
