"""Bodies of `/v1/api_keys`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from contracts.api.request_fields import ApiKeyName, Flag
from contracts.api.types import Scopes
from contracts.v1 import request_fields as fields
from contracts.v1.lists import HasMore, ListObject, Next
from contracts.v1.types import MerchantSlug, Moment


class NewApiKey(Struct, kw_only=True, forbid_unknown_fields=True):
    """A request for an API key."""

    name: Annotated[ApiKeyName | None, Meta(description="The purpose of the key, for people.")] = None
    scopes: Annotated[
        fields.KeyScopes | None,
        Meta(
            description="The scopes of the key; by default payments:write, payments:read and payments:refund, which a "
            "shop's backend needs."
        ),
    ] = None
    listed_prices_only: Annotated[
        Flag,
        Meta(
            description="If true, the key charges the prices of the merchant's products and cannot set prices. A key "
            "with the scope admin cannot have it."
        ),
    ] = False


class KeyIssuer(Struct, kw_only=True):
    """What issued a key."""

    type: Annotated[
        str, Meta(description="The kind: `api_key`, or `operator` for the command line.", examples=["api_key"])
    ]
    id: Annotated[str | None, Meta(description="The id of the API key that issued it; null for another kind.")]


class ApiKey(Struct, kw_only=True):
    """An API key, without its secret. It is valid while `revoked_at` is null."""

    object: Annotated[Literal["api_key"], Meta(description="Always `api_key`.")]
    id: Annotated[str, Meta(description="The id of the key: the part before the secret.", examples=["a1b2c3d4"])]
    merchant: MerchantSlug
    name: Annotated[str | None, Meta(description="The purpose of the key; null if the key has no name.")]
    scopes: Scopes
    listed_prices_only: Annotated[
        bool, Meta(description="True if the key only charges the prices of the merchant's products.")
    ]
    created_at: Annotated[Moment, Meta(description="When the key was issued.")]
    created_by: Annotated[KeyIssuer, Meta(description="What issued the key.")]
    last_used_at: Annotated[
        Moment | None, Meta(description="When the key was last used, exact to some minutes; null if it never was.")
    ]
    revoked_at: Annotated[Moment | None, Meta(description="When the key was revoked; null while it is valid.")]


class IssuedApiKey(ApiKey, kw_only=True):
    """An API key that was just issued. Only this answer shows `secret`."""

    secret: Annotated[str, Meta(description="The key itself, to send as `Authorization: Bearer`. Shown only once.")]


class ApiKeyPage(Struct, kw_only=True):
    """A page of API keys, the newest first; revoked keys stay in the list."""

    object: ListObject
    data: Annotated[list[ApiKey], Meta(description="The keys, the newest first.")]
    has_more: HasMore
    next: Next
