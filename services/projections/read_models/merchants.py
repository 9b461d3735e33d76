"""The read model `merchants`: each merchant with its prices, connections and keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

import msgspec
from msgspec.structs import replace

from contracts.events import (
    ApiKeyIssued,
    ApiKeyRevoked,
    MerchantLogoRemoved,
    MerchantLogoSet,
    MerchantOriginsSet,
    MerchantProfileChanged,
    MerchantRegistered,
    MerchantRenamed,
    PixKeyRemoved,
    PixKeySet,
    ProductPriced,
    ProductWithdrawn,
    ProviderConnected,
    ProviderCredentialRotated,
    ProviderDisconnected,
    WebhookSecretRotated,
    WebhooksFailing,
    WebhooksRecovered,
    is_of_merchant,
)
from contracts.names import canonical_name
from contracts.read_models import MerchantApiKey, MerchantConnection, MerchantPixKey, MerchantProfile
from services.projections.read_models.read_model import ReadModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.envelope import Envelope
    from contracts.events import MerchantEvent
    from services.projections.read_models.read_model import Row

# --- table --------------------------------------------------------------------------------------

CREATE: Final = """
    CREATE TABLE {table} (
        slug     text   PRIMARY KEY,
        version  bigint NOT NULL,
        document json   NOT NULL
    )
"""

LOAD: Final = "SELECT slug, document FROM {table} WHERE slug = ANY ($1::text[])"

COLUMNS: Final = {"slug": "text", "version": "bigint", "document": "json"}

UPSERT: Final = """
    INSERT INTO {table} (slug, version, document)
    SELECT * FROM {rows}
    ON CONFLICT (slug) DO UPDATE SET version = excluded.version, document = excluded.document
"""

DELETE: Final = "DELETE FROM {table} WHERE slug = ANY ($1::text[])"

# --- documents ----------------------------------------------------------------------------------

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(MerchantProfile).decode


def key_of(envelope: Envelope) -> str | None:
    """Return the slug for an event of a merchant's stream."""
    return envelope.merchant if is_of_merchant(envelope.event) else None


def evolve(document: MerchantProfile | None, envelope: Envelope) -> MerchantProfile | None:
    """Apply one event; events before the registration have no effect."""
    event = envelope.event
    if isinstance(event, MerchantRegistered):
        return MerchantProfile(
            slug=event.slug,
            name=canonical_name(event.name),
            city=canonical_name(event.city),
            pix_key=None,
            connections=(),
            prices_centavos={},
            api_keys=(),
            version=envelope.version,
        )
    if document is None or not is_of_merchant(event):
        return document
    return replace(_evolve_registered(document, event), version=envelope.version)


def _evolve_registered(document: MerchantProfile, event: MerchantEvent) -> MerchantProfile:  # noqa: PLR0911 - one line for each event
    match event:
        case MerchantRenamed():
            return replace(document, name=canonical_name(event.name), city=canonical_name(event.city))
        case PixKeySet():
            return replace(document, pix_key=MerchantPixKey(kind=event.kind, key=event.key))
        case PixKeyRemoved():
            return replace(document, pix_key=None)
        case ProviderConnected() | ProviderCredentialRotated() | ProviderDisconnected():
            return replace(document, connections=_evolve_connections(document.connections, event))
        case ProductPriced():
            priced = {canonical_name(event.name): event.price_centavos}
            return replace(document, prices_centavos=document.prices_centavos | priced)
        case ProductWithdrawn():
            withdrawn = canonical_name(event.name)
            prices = {name: price for name, price in document.prices_centavos.items() if name != withdrawn}
            return replace(document, prices_centavos=prices)
        case ApiKeyIssued() | ApiKeyRevoked():
            return replace(document, api_keys=_evolve_keys(document.api_keys, event))
        case MerchantRegistered() | WebhookSecretRotated() | WebhooksFailing() | WebhooksRecovered():
            return document
        case MerchantProfileChanged() | MerchantLogoSet() | MerchantLogoRemoved() | MerchantOriginsSet():
            return document
        case _:
            assert_never(event)


def _evolve_connections(
    connections: tuple[MerchantConnection, ...],
    event: ProviderConnected | ProviderCredentialRotated | ProviderDisconnected,
) -> tuple[MerchantConnection, ...]:
    others = tuple(each for each in connections if each.provider != event.provider)
    match event:
        case ProviderConnected():
            account_id = event.account_id
        case ProviderCredentialRotated():
            # The event does not name the account: a rotation keeps it.
            account_id = next((each.account_id for each in connections if each.provider == event.provider), "")
        case ProviderDisconnected():
            return others
        case _:
            assert_never(event)
    return (*others, MerchantConnection(provider=event.provider, account_id=account_id, pix_api=event.pix_api))


def _evolve_keys(keys: tuple[MerchantApiKey, ...], event: ApiKeyIssued | ApiKeyRevoked) -> tuple[MerchantApiKey, ...]:
    others = tuple(each for each in keys if each.key_id != event.key_id)
    if isinstance(event, ApiKeyRevoked):
        return others
    issued = MerchantApiKey(key_id=event.key_id, scopes=event.scopes, listed_prices_only=event.listed_prices_only)
    return (*others, issued)


def read(row: Mapping[str, str]) -> tuple[str, MerchantProfile]:
    """Return the slug and the document of a row of `LOAD`."""
    return row["slug"], _decode(row["document"])


def row(document: MerchantProfile, _: Envelope) -> Row:
    """Return the row of a document."""
    return document.slug, document.version, _encode(document).decode()


MERCHANTS: Final = ReadModel(
    name="merchants",
    version=4,
    create=CREATE,
    indexes=(),
    key_of=key_of,
    evolve=evolve,
    load=LOAD,
    read=read,
    row=row,
    columns=COLUMNS,
    upsert=UPSERT,
    delete=DELETE,
)
