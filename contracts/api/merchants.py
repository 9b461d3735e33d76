"""Bodies of the routes that administer merchants, their providers, products and API keys."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType


class MerchantCreation(Struct, kw_only=True, forbid_unknown_fields=True):
    """Asks for a merchant; `slug` is its name in addresses and subjects for ever."""

    slug: str
    name: str
    city: str


class MerchantNaming(Struct, kw_only=True, forbid_unknown_fields=True):
    """Gives a merchant another name or city."""

    name: str | UnsetType = UNSET
    city: str | UnsetType = UNSET


class PixKeyGiven(Struct, kw_only=True, forbid_unknown_fields=True):
    """A Pix key; `kind` is cpf, cnpj, phone, email or evp, and the key is kept in that kind's one spelling."""

    kind: str
    key: str


class CredentialGiven(Struct, kw_only=True, forbid_unknown_fields=True):
    """What opens an account at a provider. It is kept encrypted, and no answer shows it.

    `account_id` is checked against the account that the token opens; `pix_api` is `payments` or `orders`.
    """

    access_token: str
    webhook_secret: str
    account_id: str | UnsetType = UNSET
    pix_api: str | UnsetType = UNSET


class WebhookSecretGiven(Struct, kw_only=True, forbid_unknown_fields=True):
    """The secret with which the provider signs its notifications."""

    webhook_secret: str


class PriceGiven(Struct, kw_only=True, forbid_unknown_fields=True):
    """What one of a product costs, in reais."""

    price: float


class ApiKeyWanted(Struct, kw_only=True, forbid_unknown_fields=True):
    """Asks for an API key with some of payments:write, payments:read, payments:refund, confirm and admin.

    Without `scopes` it gets the first three, which a shop's backend needs. `name` says what the key is for, in 60
    characters. With `listed_prices_only` it charges the prices of the merchant's products and cannot set one; not
    with admin, which sets those prices.
    """

    scopes: list[str] | UnsetType = UNSET
    name: str | UnsetType | None = UNSET
    listed_prices_only: bool | UnsetType = UNSET


class PixKeyShown(Struct, kw_only=True):
    """A merchant's Pix key, with its `kind` as in `PixKeyGiven`."""

    kind: str
    key: str


class ConnectedProvider(Struct, kw_only=True):
    """An account at a provider that can be used."""

    provider: str
    account_id: str
    pix_api: str


class Merchant(Struct, kw_only=True):
    """A merchant as its administrators see it; `products` are prices in reais by name."""

    slug: str
    name: str
    city: str
    pix_key: PixKeyShown | None
    providers: list[ConnectedProvider]
    products: dict[str, float]


class MerchantShown(Struct, kw_only=True):
    """A merchant as it is."""

    success: bool
    merchant: Merchant


class MerchantList(Struct, kw_only=True):
    """Some merchants by slug; `next` is what to give as `after` for more, and null when there are none."""

    success: bool
    count: int
    merchants: list[Merchant]
    next: str | None


class ApiKeyCreated(Struct, kw_only=True):
    """An API key; `api_key` is shown in this answer and never again."""

    success: bool
    padaria_slug: str
    key_id: str
    name: str | None
    scopes: list[str]
    listed_prices_only: bool
    api_key: str


class ListedApiKey(Struct, kw_only=True):
    """An API key, without what would open anything.

    It opens something while `revoked_at` is null. `last_used_at` is exact to some minutes, and null when the key was
    never shown.
    """

    key_id: str
    name: str | None
    scopes: list[str]
    listed_prices_only: bool
    issued_at: str
    revoked_at: str | None
    last_used_at: str | None


class ApiKeyList(Struct, kw_only=True):
    """The API keys of a merchant in the order of their issue, with the 100 that were revoked last."""

    success: bool
    padaria_slug: str
    count: int
    api_keys: list[ListedApiKey]
