"""The first admin key. With it, the operator manages every merchant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extrato.domain.merchant import RESERVED_SLUG
from extrato.use_cases.change_merchant import change_merchant, new_api_key
from extrato.use_cases.merchant_directory import MerchantDirectory, read_merchant
from services.cli.key_file import read_key, write_key

if TYPE_CHECKING:
    from pathlib import Path

    from contracts.envelope import Cause
    from extrato.settings import Settings
    from extrato.use_cases.hub import Hub

SCOPES: Final = ("admin", "metrics", "payments:read")


async def prepare_admin_key(hub: Hub, settings: Settings, *, cause: Cause) -> Path | None:
    """Issue the first admin key, unless an earlier start did, and return its file.

    Returns None when the operator has removed the file or revoked the key.
    """
    key_file = settings.home / "admin-api-key"
    _, version = await read_merchant(hub.log, RESERVED_SLUG)
    if version == 0:
        api_key, issue = new_api_key(RESERVED_SLUG, SCOPES)
        write_key(key_file, api_key)
        await change_merchant(hub, RESERVED_SLUG, [issue], cause=cause)
        return key_file
    saved_key = read_key(key_file)
    is_valid = saved_key is not None and await MerchantDirectory(hub.log).authenticate(saved_key)
    return key_file if is_valid else None
