"""Operations of API keys."""

from __future__ import annotations

from typing import Final

from contracts import v1
from contracts.operations.codes import OF_MERCHANT, OF_WRITING
from contracts.operations.operation import Answer
from contracts.operations.v1.common import read_list, write

_TAG: Final = "API keys"

API_KEYS: Final = (
    read_list(
        "listKeys",
        "/v1/api_keys",
        tag=_TAG,
        summary="List the merchant's API keys, the newest first; revoked keys stay in the list.",
        scope="admin",
        body=v1.ApiKeyPage,
        shows="A page of keys.",
        codes=OF_MERCHANT,
    ),
    write(
        "issueKey",
        "POST",
        "/v1/api_keys",
        tag=_TAG,
        summary="Issue an API key.",
        description="Only this answer shows the key. A repetition with the same Idempotency-Key cannot show it again, "
        "so it is answered 409 `secret_shown_once`.",
        scope="admin",
        body=v1.NewApiKey,
        answers={201: Answer(description="The key, with its secret.", body=v1.IssuedApiKey)},
        codes=(
            *OF_MERCHANT,
            *OF_WRITING,
            "secret_shown_once",
            "admin_sets_prices",
            "invalid_api_key_name",
            "too_many_api_keys",
        ),
    ),
    write(
        "revokeKey",
        "DELETE",
        "/v1/api_keys/{key_id}",
        tag=_TAG,
        summary="Revoke an API key, permanently.",
        description="Every gateway rejects the key within a second. A repetition has no further effect.",
        scope="admin",
        answers={200: Answer(description="The revoked key.", body=v1.ApiKey)},
        codes=(*OF_MERCHANT, *OF_WRITING),
    ),
)
