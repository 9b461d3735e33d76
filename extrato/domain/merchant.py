"""One merchant: who sells, at what prices, over which providers, and which keys act for it.

Pure, and cut like `payment.py`: stream, state, commands, decisions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

from msgspec import Struct
from msgspec.structs import replace

from contracts.events import (
    ApiKeyIssued,
    Item,
    MerchantEvent,
    MerchantRegistered,
    PixKeySet,
    ProductPriced,
    ProviderConnected,
)
from contracts.subjects import MERCHANT_SLUG
from extrato.domain.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

# --- stream -------------------------------------------------------------------------------------

MERCHANT_NAMESPACE: Final = UUID("0a2b5b1e-19a8-5f0a-8a53-1f9e2a9a8d0c")


def stream_id(slug: str) -> UUID:
    """Name the stream of a merchant."""
    return uuid5(MERCHANT_NAMESPACE, slug)


# --- state --------------------------------------------------------------------------------------


class Unregistered(Struct, frozen=True):
    """Nobody has this slug."""


class Registered(Struct, frozen=True, kw_only=True):
    """A merchant that may sell."""

    slug: str
    name: str
    city: str
    pix_key: PixKeySet | None = None
    connections: dict[str, ProviderConnected] = {}
    prices_centavos: dict[str, int] = {}
    api_keys: dict[str, ApiKeyIssued] = {}


Merchant = Unregistered | Registered

INITIAL: Final = Unregistered()


def evolve(merchant: Merchant, event: MerchantEvent) -> Merchant:
    """Apply one event."""
    if isinstance(event, MerchantRegistered):
        return Registered(slug=event.slug, name=event.name, city=event.city)
    if not isinstance(merchant, Registered):
        msg = f"{type(event).__name__} cannot be the first event of a merchant"
        raise TypeError(msg)
    match event:
        case PixKeySet():
            return replace(merchant, pix_key=event)
        case ProviderConnected():
            return replace(merchant, connections={**merchant.connections, event.provider: event})
        case ProductPriced():
            return replace(merchant, prices_centavos={**merchant.prices_centavos, event.name: event.price_centavos})
        case ApiKeyIssued():
            return replace(merchant, api_keys={**merchant.api_keys, event.key_id: event})


def fold(events: Iterable[MerchantEvent]) -> Merchant:
    """Bring a whole history to the state it leads to."""
    merchant: Merchant = INITIAL
    for event in events:
        merchant = evolve(merchant, event)
    return merchant


# --- commands -----------------------------------------------------------------------------------

SCOPES: Final = frozenset({"payments:write", "payments:read", "confirm", "admin"})


class Register(Struct, frozen=True, kw_only=True):
    """Let a merchant exist."""

    slug: str
    name: str
    city: str


class SetPixKey(Struct, frozen=True, kw_only=True):
    """Say where the merchant receives Pix; the key is in its normal form already."""

    kind: str
    key: str


class ConnectProvider(Struct, frozen=True, kw_only=True):
    """Say that a credential for `provider` lies in the vault."""

    provider: str
    account_id: str
    credential_digest: str


class PriceProduct(Struct, frozen=True, kw_only=True):
    """Sell `name` at a price."""

    name: str
    price_centavos: int


class IssueApiKey(Struct, frozen=True, kw_only=True):
    """Let the bearer of a secret act for the merchant."""

    key_id: str
    secret_digest: str
    scopes: tuple[str, ...]


Command = Register | SetPixKey | ConnectProvider | PriceProduct | IssueApiKey

# --- decisions ----------------------------------------------------------------------------------


def decide(command: Command, merchant: Merchant) -> list[MerchantEvent]:
    """Give the events that follow from `command`; none when it changes nothing. Raises `Refused`."""
    if isinstance(command, Register):
        return _register(command, merchant)
    if not isinstance(merchant, Registered):
        raise Refused("merchant_not_found", "The merchant does not exist.")
    event: MerchantEvent
    match command:
        case SetPixKey():
            event = PixKeySet(kind=command.kind, key=command.key)
            return [] if merchant.pix_key == event else [event]
        case ConnectProvider():
            event = ProviderConnected(
                provider=command.provider,
                account_id=command.account_id,
                credential_digest=command.credential_digest,
            )
            return [] if merchant.connections.get(command.provider) == event else [event]
        case PriceProduct():
            if command.price_centavos <= 0:
                raise Refused("invalid_price", "A price must be above zero.", command.name)
            event = ProductPriced(name=command.name, price_centavos=command.price_centavos)
            return [] if merchant.prices_centavos.get(command.name) == command.price_centavos else [event]
        case IssueApiKey():
            return _issue_api_key(command, merchant)


def _register(command: Register, merchant: Merchant) -> list[MerchantEvent]:
    if not MERCHANT_SLUG.fullmatch(command.slug):
        raise Refused("invalid_slug", "A slug is 1 to 63 of a-z, 0-9 and inner hyphens.", command.slug)
    if not command.name.strip() or not command.city.strip():
        raise Refused("invalid_merchant", "A merchant needs a name and a city.", command.slug)
    event = MerchantRegistered(slug=command.slug, name=command.name, city=command.city)
    if isinstance(merchant, Unregistered):
        return [event]
    if (merchant.name, merchant.city) == (command.name, command.city):
        return []
    raise Refused("merchant_exists", "Another merchant has this slug.", command.slug)


def _issue_api_key(command: IssueApiKey, merchant: Registered) -> list[MerchantEvent]:
    unknown = set(command.scopes) - SCOPES
    if unknown:
        raise Refused("unknown_scope", f"There is no scope {min(unknown)!r}.", command.key_id)
    event = ApiKeyIssued(key_id=command.key_id, secret_digest=command.secret_digest, scopes=command.scopes)
    known = merchant.api_keys.get(command.key_id)
    if known is None:
        return [event]
    if known == event:
        return []
    raise Refused("api_key_exists", "An API key with this id exists, and it is another one.", command.key_id)


# --- orders -------------------------------------------------------------------------------------


class Line(Struct, frozen=True, kw_only=True):
    """One asked line of an order: a product by name, or with a price of its own."""

    name: str
    quantity: int
    unit_price_centavos: int | None


def price_order(lines: Iterable[Line], merchant: Registered) -> tuple[Item, ...]:
    """Put the merchant's price to every line that carries none; raises `Refused` for an unknown product."""
    items = []
    for line in lines:
        price = line.unit_price_centavos
        if price is None:
            price = merchant.prices_centavos.get(line.name)
        if price is None:
            raise Refused("unknown_product", f"Produto '{line.name}' não encontrado", line.name)
        items.append(Item(name=line.name, quantity=line.quantity, unit_price_centavos=price))
    return tuple(items)
