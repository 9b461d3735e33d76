"""Issues API keys for callers that may repeat a request: a repetition never issues a second key."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from extrato.domain.errors import Refused
from extrato.use_cases.change_merchant import change_merchant, new_api_key
from extrato.use_cases.merchant_directory import read_api_keys

if TYPE_CHECKING:
    from contracts.envelope import Cause
    from extrato.domain.api_keys import IssueApiKey
    from extrato.use_cases.hub import Hub
    from extrato.use_cases.idempotency import IdempotencyKey

# Longer than a random id, so that neither is ever the other.
REPEATABLE_ID_LENGTH: Final = 16


async def issue_api_key(
    hub: Hub,
    slug: str,
    *,
    scopes: tuple[str, ...],
    listed_prices_only: bool,
    name: str | None,
    idempotency_key: IdempotencyKey | None,
    cause: Cause,
) -> tuple[str, str]:
    """Issue a key of a merchant; returns its id, and the text to show once.

    The id of a key follows from the idempotency key, so that the merchant's stream knows a repetition: it raises
    `Refused("secret_shown_once")`, and `Refused("idempotency_key_reused")` if it asks for another key.
    """
    key_id = None if idempotency_key is None else _id_of(slug, idempotency_key)
    api_key, command = new_api_key(slug, scopes, listed_prices_only=listed_prices_only, name=name, key_id=key_id)
    try:
        await change_merchant(hub, slug, [command], cause=cause)
    except Refused as error:
        if key_id is None or error.code != "api_key_exists":
            raise
        raise await _repetition(hub, slug, command) from None
    return command.key_id, api_key


async def _repetition(hub: Hub, slug: str, asked: IssueApiKey) -> Refused:
    issued = next(each.issued for each in await read_api_keys(hub.log, slug) if each.issued.key_id == asked.key_id)
    wanted = (asked.scopes, asked.listed_prices_only, asked.name)
    if (issued.scopes, issued.listed_prices_only, issued.name) != wanted:
        return Refused("idempotency_key_reused", "Idempotency-Key")
    return Refused("secret_shown_once", asked.key_id, api_key_id=asked.key_id)


def _id_of(slug: str, idempotency_key: IdempotencyKey) -> str:
    return hashlib.sha256(f"{slug}\n{idempotency_key.key}".encode()).hexdigest()[:REPEATABLE_ID_LENGTH]
