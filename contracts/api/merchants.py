"""Bodies of the routes that manage merchants, their providers, products and API keys."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from contracts.api import request_fields as fields
from contracts.api.types import (
    PIX_KEY_KINDS,
    Count,
    KeyId,
    KeyName,
    ListedPricesOnly,
    MerchantName,
    Moment,
    PixApi,
    ProviderName,
    Reais,
    Scopes,
    Slug,
    Success,
    one_of,
)


class MerchantCreation(Struct, kw_only=True, forbid_unknown_fields=True):
    """A request to register a merchant."""

    slug: Annotated[
        fields.Identifier, Meta(description="The merchant's name in addresses and subjects; it never changes.")
    ]
    name: Annotated[fields.Text, Meta(description="The merchant's name, which payers see.")]
    city: Annotated[fields.Text, Meta(description="The merchant's city, which its Pix codes contain.")]


class MerchantNaming(Struct, kw_only=True, forbid_unknown_fields=True):
    """A request to change a merchant's name, city or both."""

    name: Annotated[fields.Text | None, Meta(description="The merchant's name, which payers see.")] = None
    city: Annotated[fields.Text | None, Meta(description="The merchant's city, which its Pix codes contain.")] = None


class PixKeyGiven(Struct, kw_only=True, forbid_unknown_fields=True):
    """A Pix key."""

    kind: Annotated[
        fields.Text,
        Meta(
            description="The kind of the key.",
            extra_json_schema=one_of(*PIX_KEY_KINDS),
        ),
    ]
    key: Annotated[fields.Text, Meta(description="The key; the hub stores it in the standard spelling of its kind.")]


class CredentialGiven(Struct, kw_only=True, forbid_unknown_fields=True):
    """The credential of an account at a provider. The hub stores it encrypted, and no answer shows it."""

    access_token: Annotated[fields.Text, Meta(description="The access token of the account.")]
    webhook_secret: Annotated[fields.Text, Meta(description="The secret with which the provider signs webhooks.")]
    account_id: Annotated[
        fields.Text | None, Meta(description="The account's number; the token must belong to this account.")
    ] = None
    pix_api: Annotated[
        fields.Text | None,
        Meta(
            description="The API of the provider that creates Pix charges; by default `payments`.",
            extra_json_schema={"enum": ["payments", "orders"]},
        ),
    ] = None
    token_expires_at: Annotated[
        fields.TokenExpiresAt | None,
        Meta(
            description="When the access token ends, with offset: in the future, within ten years. Without it the hub "
            "does not know the end, and cannot warn before it."
        ),
    ] = None


class WebhookSecretGiven(Struct, kw_only=True, forbid_unknown_fields=True):
    """The secret with which the provider signs its webhooks."""

    webhook_secret: Annotated[fields.Text, Meta(description="The secret with which the provider signs webhooks.")]


class PriceGiven(Struct, kw_only=True, forbid_unknown_fields=True):
    """The price of a product."""

    price: Annotated[fields.Amount, Meta(description="The unit price, in reais.")]


class ApiKeyWanted(Struct, kw_only=True, forbid_unknown_fields=True):
    """A request for an API key."""

    scopes: Annotated[
        list[Annotated[str, Meta(extra=fields.every_fault("unknown_scope", "not_a_list"))]] | UnsetType,
        Meta(
            description="The scopes of the key; by default payments:write, payments:read and payments:refund, which a "
            "shop's backend needs.",
            extra=fields.every_fault("unknown_scope", "not_a_list"),
        ),
    ] = UNSET
    name: Annotated[fields.ApiKeyName | None, Meta(description="The purpose of the key.")] = None
    listed_prices_only: Annotated[
        fields.Flag | None,
        Meta(
            description="If true, the key charges the prices of the merchant's products and cannot set prices. A key "
            "with the scope admin cannot have it."
        ),
    ] = None


class PixKeyShown(Struct, kw_only=True):
    """A merchant's Pix key, with its `kind` as in `PixKeyGiven`."""

    kind: Annotated[str, Meta(description="The kind of the key.", extra_json_schema=one_of(*PIX_KEY_KINDS))]
    key: Annotated[str, Meta(description="The key, in the standard spelling of its kind.")]


class ConnectedProvider(Struct, kw_only=True):
    """A connected account at a provider."""

    provider: ProviderName
    account_id: Annotated[str, Meta(description="The provider's id of the account.")]
    pix_api: PixApi


class Merchant(Struct, kw_only=True):
    """A merchant."""

    slug: Slug
    name: MerchantName
    city: Annotated[str, Meta(description="The city of the merchant, which its Pix codes contain.")]
    pix_key: Annotated[
        PixKeyShown | None,
        Meta(description="The key at which the merchant receives direct Pix; null if it has none."),
    ]
    providers: Annotated[list[ConnectedProvider], Meta(description="The connected accounts.")]
    products: Annotated[dict[str, Reais], Meta(description="The unit price of each product in reais, by its name.")]


class MerchantShown(Struct, kw_only=True):
    """The current state of a merchant."""

    success: Success
    merchant: Annotated[Merchant, Meta(description="The merchant.")]


class MerchantList(Struct, kw_only=True):
    """A page of merchants, sorted by slug."""

    success: Success
    count: Count
    merchants: Annotated[list[Merchant], Meta(description="The merchants, sorted by slug.")]
    next: Annotated[Slug | None, Meta(description="The `after` of the next page; null if this is the last page.")]


class ApiKeyCreated(Struct, kw_only=True):
    """An API key was issued. Only this answer shows `api_key`."""

    success: Success
    padaria_slug: Slug
    key_id: KeyId
    name: KeyName
    scopes: Scopes
    listed_prices_only: ListedPricesOnly
    api_key: Annotated[str, Meta(description="The key itself. Only this answer shows it.")]


class ListedApiKey(Struct, kw_only=True):
    """An API key, without its secret. It is valid while `revoked_at` is null."""

    key_id: KeyId
    name: KeyName
    scopes: Scopes
    listed_prices_only: ListedPricesOnly
    issued_at: Annotated[Moment, Meta(description="When the key was issued.")]
    revoked_at: Annotated[Moment | None, Meta(description="When the key was revoked; null while it is valid.")]
    last_used_at: Annotated[
        Moment | None, Meta(description="When the key was last used, exact to some minutes; null if it never was.")
    ]


class ApiKeyList(Struct, kw_only=True):
    """The valid API keys of a merchant and the 100 that were revoked last, in the order of their issue."""

    success: Success
    padaria_slug: Slug
    count: Count
    api_keys: Annotated[list[ListedApiKey], Meta(description="The keys, in the order of their issue.")]
