"""Bodies of the routes that administer merchants, their providers, products and API keys."""

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
    """Asks for a merchant."""

    slug: Annotated[
        fields.Identifier, Meta(description="The merchant's name in addresses and subjects; it never changes.")
    ]
    name: Annotated[fields.Text, Meta(description="The merchant's name, as payers read it.")]
    city: Annotated[fields.Text, Meta(description="The merchant's city, as a Pix code names it.")]


class MerchantNaming(Struct, kw_only=True, forbid_unknown_fields=True):
    """Changes a merchant's name, city or both."""

    name: Annotated[fields.Text | None, Meta(description="The merchant's name, as payers read it.")] = None
    city: Annotated[fields.Text | None, Meta(description="The merchant's city, as a Pix code names it.")] = None


class PixKeyGiven(Struct, kw_only=True, forbid_unknown_fields=True):
    """A Pix key."""

    kind: Annotated[
        fields.Text,
        Meta(
            description="The kind of the key.",
            extra_json_schema={"enum": ["cpf", "cnpj", "phone", "email", "evp"]},
        ),
    ]
    key: Annotated[fields.Text, Meta(description="The key; it is kept in its kind's one spelling.")]


class CredentialGiven(Struct, kw_only=True, forbid_unknown_fields=True):
    """The credential of an account at a provider. It is kept encrypted, and no answer shows it."""

    access_token: Annotated[fields.Text, Meta(description="The access token of the account.")]
    webhook_secret: Annotated[fields.Text, Meta(description="The secret with which the provider signs notifications.")]
    account_id: Annotated[
        fields.Text | None, Meta(description="The account's number; it must be the one that the token belongs to.")
    ] = None
    pix_api: Annotated[
        fields.Text | None,
        Meta(
            description="The interface of the provider by which a Pix is created; by default `payments`.",
            extra_json_schema={"enum": ["payments", "orders"]},
        ),
    ] = None


class WebhookSecretGiven(Struct, kw_only=True, forbid_unknown_fields=True):
    """The secret with which the provider signs its notifications."""

    webhook_secret: Annotated[fields.Text, Meta(description="The secret with which the provider signs notifications.")]


class PriceGiven(Struct, kw_only=True, forbid_unknown_fields=True):
    """The price of a product."""

    price: Annotated[fields.Amount, Meta(description="The price of one, in reais.")]


class ApiKeyWanted(Struct, kw_only=True, forbid_unknown_fields=True):
    """Asks for an API key."""

    scopes: Annotated[
        list[Annotated[str, Meta(extra=fields.every_fault("unknown_scope", "not_a_list"))]] | UnsetType,
        Meta(
            description="What the key may do; by default payments:write, payments:read and payments:refund, which a "
            "shop's backend needs.",
            extra=fields.every_fault("unknown_scope", "not_a_list"),
        ),
    ] = UNSET
    name: Annotated[fields.ApiKeyName | None, Meta(description="What the key is for.")] = None
    listed_prices_only: Annotated[
        fields.Flag | None,
        Meta(
            description="True: the key charges the prices of the merchant's products and cannot set one. Not with the "
            "scope admin, which sets those prices."
        ),
    ] = None


class PixKeyShown(Struct, kw_only=True):
    """A merchant's Pix key, with its `kind` as in `PixKeyGiven`."""

    kind: Annotated[str, Meta(description="What kind of key it is.", extra_json_schema=one_of(*PIX_KEY_KINDS))]
    key: Annotated[str, Meta(description="The key, in its kind's one spelling.")]


class ConnectedProvider(Struct, kw_only=True):
    """An account at a provider that can be used."""

    provider: ProviderName
    account_id: Annotated[str, Meta(description="The provider's id of the account.")]
    pix_api: PixApi


class Merchant(Struct, kw_only=True):
    """A merchant as its administrators see it; `products` are prices in reais by name."""

    slug: Slug
    name: MerchantName
    city: Annotated[str, Meta(description="The city of the merchant, which its Pix codes name.")]
    pix_key: Annotated[
        PixKeyShown | None,
        Meta(description="Where the merchant receives Pix; null while it has no Pix key."),
    ]
    providers: Annotated[list[ConnectedProvider], Meta(description="The accounts that can be used.")]
    products: Annotated[dict[str, Reais], Meta(description="The price of one of each product in reais, by its name.")]


class MerchantShown(Struct, kw_only=True):
    """A merchant as it is."""

    success: Success
    merchant: Annotated[Merchant, Meta(description="The merchant.")]


class MerchantList(Struct, kw_only=True):
    """Some merchants by slug; `next` is what to give as `after` for more, and null when there are none."""

    success: Success
    count: Count
    merchants: Annotated[list[Merchant], Meta(description="The merchants, by slug.")]
    next: Annotated[Slug | None, Meta(description="What to give as `after` for more; null when there are none.")]


class ApiKeyCreated(Struct, kw_only=True):
    """An API key; `api_key` is shown in this answer and never again."""

    success: Success
    padaria_slug: Slug
    key_id: KeyId
    name: KeyName
    scopes: Scopes
    listed_prices_only: ListedPricesOnly
    api_key: Annotated[str, Meta(description="The key itself, shown in this answer and never again.")]


class ListedApiKey(Struct, kw_only=True):
    """An API key, without what would open anything.

    It opens something while `revoked_at` is null. `last_used_at` is exact to some minutes, and null when the key was
    never shown.
    """

    key_id: KeyId
    name: KeyName
    scopes: Scopes
    listed_prices_only: ListedPricesOnly
    issued_at: Annotated[Moment, Meta(description="When it was issued.")]
    revoked_at: Annotated[Moment | None, Meta(description="When it was revoked; null while it opens something.")]
    last_used_at: Annotated[
        Moment | None, Meta(description="When it was shown last, exact to some minutes; null when it never was.")
    ]


class ApiKeyList(Struct, kw_only=True):
    """The API keys of a merchant in the order of their issue, with the 100 that were revoked last."""

    success: Success
    padaria_slug: Slug
    count: Count
    api_keys: Annotated[list[ListedApiKey], Meta(description="The keys, in the order of their issue.")]
