"""Events of merchants: their names, profiles, logos, web origins, Pix keys, providers, products and API keys."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from msgspec import Struct


class MerchantRegistered(Struct, frozen=True, kw_only=True):
    """A merchant was registered; `slug` is its name in addresses and subjects."""

    schema_version: ClassVar[int] = 1

    slug: str
    name: str
    city: str


class MerchantRenamed(Struct, frozen=True, kw_only=True):
    """The merchant has another name or city; its slug stays."""

    schema_version: ClassVar[int] = 1

    name: str
    city: str


class MerchantProfileChanged(Struct, frozen=True, kw_only=True):
    """What payers see of the merchant beside its name, after a change; None where it gave nothing.

    `colour` is `#rrggbb`. `document` is a CPF or a CNPJ without its mask: the CPF of a person is public as soon as the
    person sells under it. Telephones begin with `+55`.
    """

    schema_version: ClassVar[int] = 1

    colour: str | None
    document: str | None
    phone: str | None
    whatsapp: str | None
    email: str | None


class MerchantLogoSet(Struct, frozen=True, kw_only=True):
    """Payers see this logo; `digest` is the SHA-256 of the stored picture, in hexadecimal. Sizes are pixels."""

    schema_version: ClassVar[int] = 1

    digest: str
    media_type: str
    width: int
    height: int


class MerchantLogoRemoved(Struct, frozen=True, kw_only=True):
    """The merchant has no logo."""

    schema_version: ClassVar[int] = 1


class MerchantOriginsSet(Struct, frozen=True, kw_only=True):
    """The merchant named its web origins, sorted: of addresses to return to, and of pages that may frame its pages."""

    schema_version: ClassVar[int] = 1

    return_origins: tuple[str, ...]
    frame_origins: tuple[str, ...]


class PixKeySet(Struct, frozen=True, kw_only=True):
    """The merchant receives direct Pix at this key; `kind` is cpf, cnpj, phone, email or evp."""

    schema_version: ClassVar[int] = 1

    kind: str
    key: str


class PixKeyRemoved(Struct, frozen=True, kw_only=True):
    """The merchant's Pix key was removed: the merchant cannot receive direct Pix."""

    schema_version: ClassVar[int] = 1


class ProviderConnected(Struct, frozen=True, kw_only=True):
    """The hub can use the merchant's account at a provider. The credential is in the vault, never in an event.

    `credential_digest` is a SHA-256 over all parts of the credential, of which the access token is long and random.
    `pix_api` is the API of Mercado Pago that creates this account's Pix charges: `payments` or `orders`.
    """

    schema_version: ClassVar[int] = 2

    provider: str
    account_id: str
    credential_digest: str
    pix_api: str


class ProviderCredentialRotated(Struct, frozen=True, kw_only=True):
    """The connected account has another credential."""

    schema_version: ClassVar[int] = 1

    provider: str
    credential_digest: str
    pix_api: str


class WebhookSecretRotated(Struct, frozen=True, kw_only=True):
    """The provider signs its webhooks with another secret; `credential_digest` is that of the whole credential."""

    schema_version: ClassVar[int] = 1

    provider: str
    credential_digest: str


class ProviderDisconnected(Struct, frozen=True, kw_only=True):
    """The merchant's account at a provider was disconnected, and its credential deleted from the vault."""

    schema_version: ClassVar[int] = 1

    provider: str


class WebhooksFailing(Struct, frozen=True, kw_only=True):
    """Sweeps find what the account's webhooks did not bring: `missed` of the last `changes` changes, since `since`.

    `reason` is `not_received`, or `signature_` and the verdict on the deliveries about the missed changes: `mismatched`
    (another secret), `missing` or `malformed` (a proxy changes the headers), `outdated` (a clock is wrong).
    """

    schema_version: ClassVar[int] = 1

    provider: str
    reason: str
    since: datetime
    missed: int
    changes: int


class WebhooksRecovered(Struct, frozen=True, kw_only=True):
    """The account's webhooks arrive again; sweeps found `missed` changes, at most the last 1,000 of seven days."""

    schema_version: ClassVar[int] = 1

    provider: str
    failing_since: datetime
    recovered_at: datetime
    missed: int


class ProductPriced(Struct, frozen=True, kw_only=True):
    """The merchant sells `name` at this price. Product names are compared in Unicode NFC."""

    schema_version: ClassVar[int] = 1

    name: str
    price_centavos: int


class ProductWithdrawn(Struct, frozen=True, kw_only=True):
    """The merchant stops selling `name`."""

    schema_version: ClassVar[int] = 1

    name: str


class ApiKeyIssued(Struct, frozen=True, kw_only=True):
    """An API key was issued for the merchant or for the hub; the hub keeps only the SHA-256 of its random secret.

    A key with `listed_prices_only` charges the prices of the merchant's products, and no other amount. `name` is the
    purpose of the key, for people; None when the caller sent none.
    """

    schema_version: ClassVar[int] = 3

    key_id: str
    secret_digest: str
    scopes: tuple[str, ...]
    listed_prices_only: bool
    name: str | None


class ApiKeyRevoked(Struct, frozen=True, kw_only=True):
    """An API key was revoked, permanently."""

    schema_version: ClassVar[int] = 1

    key_id: str
