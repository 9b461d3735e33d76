"""What can happen to a merchant: its name, its Pix key, its providers, its products and its API keys."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct


class MerchantRegistered(Struct, frozen=True, kw_only=True):
    """A merchant exists; `slug` is its name in URLs and subjects."""

    schema_version: ClassVar[int] = 1

    slug: str
    name: str
    city: str


class MerchantRenamed(Struct, frozen=True, kw_only=True):
    """The merchant has another name or city; its slug stays."""

    schema_version: ClassVar[int] = 1

    name: str
    city: str


class PixKeySet(Struct, frozen=True, kw_only=True):
    """Where the merchant receives Pix; `kind` is cpf, cnpj, phone, email or evp."""

    schema_version: ClassVar[int] = 1

    kind: str
    key: str


class PixKeyRemoved(Struct, frozen=True, kw_only=True):
    """The merchant has no Pix key, and receives no direct Pix."""

    schema_version: ClassVar[int] = 1


class ProviderConnected(Struct, frozen=True, kw_only=True):
    """The merchant's account at a provider can be used; the credential itself is in the vault, never here.

    `credential_digest` is a SHA-256 over all parts of the credential, of which the access token is long and random.
    `pix_api` says which of Mercado Pago's APIs makes this account's Pix charges: `payments` or `orders`.
    """

    schema_version: ClassVar[int] = 2

    provider: str
    account_id: str
    credential_digest: str
    pix_api: str


class ProviderCredentialRotated(Struct, frozen=True, kw_only=True):
    """The connected account is opened by another credential."""

    schema_version: ClassVar[int] = 1

    provider: str
    credential_digest: str
    pix_api: str


class WebhookSecretRotated(Struct, frozen=True, kw_only=True):
    """The provider signs its notifications with another secret; `credential_digest` is that of the whole credential."""

    schema_version: ClassVar[int] = 1

    provider: str
    credential_digest: str


class ProviderDisconnected(Struct, frozen=True, kw_only=True):
    """The merchant's account at a provider is disconnected; its credential has left the vault."""

    schema_version: ClassVar[int] = 1

    provider: str


class ProductPriced(Struct, frozen=True, kw_only=True):
    """The merchant sells `name` at this price; names of products are compared in Unicode's form NFC."""

    schema_version: ClassVar[int] = 1

    name: str
    price_centavos: int


class ProductWithdrawn(Struct, frozen=True, kw_only=True):
    """The merchant stops selling `name`."""

    schema_version: ClassVar[int] = 1

    name: str


class ApiKeyIssued(Struct, frozen=True, kw_only=True):
    """A key may act for the merchant, or for the hub itself; only the SHA-256 of its random secret is kept.

    With `listed_prices_only` it charges what the merchant's products cost, and no other amount. `name` says for people
    what the key is for; None when that was not told.
    """

    schema_version: ClassVar[int] = 3

    key_id: str
    secret_digest: str
    scopes: tuple[str, ...]
    listed_prices_only: bool
    name: str | None


class ApiKeyRevoked(Struct, frozen=True, kw_only=True):
    """A key is revoked, permanently."""

    schema_version: ClassVar[int] = 1

    key_id: str
