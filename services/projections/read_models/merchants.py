"""The read model `merchants`: each merchant with its prices, connections and keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from contracts.events import (
    MERCHANT_EVENTS,
    ApiKeyIssued,
    MerchantRegistered,
    PixKeySet,
    ProductPriced,
    ProviderConnected,
)
from contracts.read_models import MerchantApiKey, MerchantProfile
from services.projections.read_models.read_model import ReadModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.envelope import Envelope
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

UPSERT: Final = """
    INSERT INTO {table} (slug, version, document)
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::json[])
    ON CONFLICT (slug) DO UPDATE SET version = excluded.version, document = excluded.document
"""

DELETE: Final = "DELETE FROM {table} WHERE slug = ANY ($1::text[])"

# --- documents ----------------------------------------------------------------------------------

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(MerchantProfile).decode


def key_of(envelope: Envelope) -> str | None:
    """Give the slug of the merchant whose own event this is."""
    return envelope.merchant if isinstance(envelope.event, MERCHANT_EVENTS) else None


def evolve(document: MerchantProfile | None, envelope: Envelope) -> MerchantProfile | None:
    """Apply one event; before the registration nothing counts."""
    event = envelope.event
    if isinstance(event, MerchantRegistered):
        return MerchantProfile(
            slug=event.slug,
            name=event.name,
            city=event.city,
            pix_key=None,
            providers=(),
            prices_centavos={},
            api_keys=(),
            version=envelope.version,
        )
    return None if document is None else _evolve_registered(document, envelope)


def _evolve_registered(document: MerchantProfile, envelope: Envelope) -> MerchantProfile:
    event = envelope.event
    match event:
        case PixKeySet():
            return replace(document, pix_key=event.key, version=envelope.version)
        case ProviderConnected():
            providers = tuple(dict.fromkeys((*document.providers, event.provider)))
            return replace(document, providers=providers, version=envelope.version)
        case ProductPriced():
            prices = {**document.prices_centavos, event.name: event.price_centavos}
            return replace(document, prices_centavos=prices, version=envelope.version)
        case ApiKeyIssued():
            key = MerchantApiKey(key_id=event.key_id, secret_digest=event.secret_digest, scopes=event.scopes)
            others = tuple(known for known in document.api_keys if known.key_id != key.key_id)
            return replace(document, api_keys=(*others, key), version=envelope.version)
        case _:
            return document


def read(row: Mapping[str, str]) -> tuple[str, MerchantProfile]:
    """Give the slug and the document of a row of `LOAD`."""
    return row["slug"], _decode(row["document"])


def row(document: MerchantProfile, _: Envelope) -> Row:
    """Give the row of a document."""
    return document.slug, document.version, _encode(document).decode()


MERCHANTS: Final = ReadModel(
    name="merchants",
    version=1,
    create=CREATE,
    indexes=(),
    key_of=key_of,
    evolve=evolve,
    load=LOAD,
    read=read,
    row=row,
    upsert=UPSERT,
    delete=DELETE,
)
