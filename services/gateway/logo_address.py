"""The address of a merchant's logo, which contains the digest of the picture."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from contracts.events import MerchantLogoSet

ENDINGS: Final = {"image/png": "png", "image/webp": "webp"}
NAME: Final = re.compile(rf"([0-9a-f]{{64}})\.({'|'.join(ENDINGS.values())})")


def logo_address(public_url: str, logo: MerchantLogoSet) -> str:
    """Return the address of a logo."""
    return f"{public_url}/logos/{logo.digest}.{ENDINGS[logo.media_type]}"
