"""One merchant: its name, profile, web origins, prices, provider accounts and API keys.

Pure, and divided like a payment: stream, state, commands, decisions. The stream of the reserved slug holds the keys of
the hub itself, which act for all merchants; it is not a merchant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never
from uuid import UUID, uuid5

from msgspec import Struct
from msgspec.structs import replace

from contracts.events import (
    ApiKeyIssued,
    ApiKeyRevoked,
    EventOfRegistered,
    Item,
    MerchantEvent,
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
)
from contracts.names import canonical_name
from contracts.subjects import MERCHANT_SLUG
from extrato.domain import api_keys, merchant_profile, origins, products, provider_accounts, webhook_health
from extrato.domain.api_keys import ApiKeys, IssueApiKey, KeyCommand, ListedPricesOnly, RevokeApiKey
from extrato.domain.decider import Decider
from extrato.domain.errors import Refused
from extrato.domain.merchant_profile import ChangeProfile, Profile, ProfileCommand, RemoveLogo, SetLogo
from extrato.domain.origins import SetOrigins
from extrato.domain.pix_keys import normalise
from extrato.domain.plain_ascii import plain_ascii
from extrato.domain.products import PriceProduct, ProductCommand, Products, WithdrawProduct
from extrato.domain.provider_accounts import (
    ConnectProvider,
    DisconnectProvider,
    ProviderAccountCommand,
    ProviderAccounts,
    RotateWebhookSecret,
)
from extrato.domain.webhook_health import JudgeWebhooks, WebhookStates

if TYPE_CHECKING:
    from collections.abc import Iterable

# --- stream -------------------------------------------------------------------------------------

MERCHANT_NAMESPACE: Final = UUID("0a2b5b1e-19a8-5f0a-8a53-1f9e2a9a8d0c")
RESERVED_SLUG: Final = "extrato"


def stream_id(slug: str) -> UUID:
    """Return the id of a merchant's stream."""
    return uuid5(MERCHANT_NAMESPACE, slug)


# --- state --------------------------------------------------------------------------------------


class Unregistered(Struct, frozen=True):
    """A slug without a merchant."""


class Reserved(Struct, frozen=True, kw_only=True):
    """The hub itself: it has keys but is not a merchant."""

    keys: ApiKeys = ApiKeys()


class Registered(Struct, frozen=True, kw_only=True):
    """A merchant that may sell. Its name and city are canonical, also where an event's are not."""

    slug: str
    name: str
    city: str
    profile: Profile = Profile()
    return_origins: frozenset[str] = frozenset()
    frame_origins: frozenset[str] = frozenset()
    pix_key: PixKeySet | None = None
    connections: ProviderAccounts = {}
    webhooks: WebhookStates = {}
    products: Products = Products()
    keys: ApiKeys = ApiKeys()

    @property
    def prices_centavos(self) -> dict[str, int]:
        """The price of each product that is sold, by its name."""
        return self.products.prices_centavos


Merchant = Unregistered | Reserved | Registered

INITIAL: Final = Unregistered()
RESERVED: Final = Reserved()
NOT_FIRST: Final = "{} cannot be the first event of a merchant"


def evolve(merchant: Merchant, event: MerchantEvent) -> Merchant:
    """Apply one event."""
    if isinstance(event, MerchantRegistered):
        return Registered(slug=event.slug, name=canonical_name(event.name), city=canonical_name(event.city))
    if isinstance(event, ApiKeyIssued | ApiKeyRevoked):
        if isinstance(merchant, Unregistered):
            raise TypeError(NOT_FIRST.format(type(event).__name__))
        return replace(merchant, keys=api_keys.evolve(merchant.keys, event))
    if not isinstance(merchant, Registered):
        raise TypeError(NOT_FIRST.format(type(event).__name__))
    return _evolve_registered(merchant, event)


def _evolve_registered(merchant: Registered, event: EventOfRegistered) -> Registered:  # noqa: PLR0911 - one for each event
    match event:
        case MerchantRenamed():
            return replace(merchant, name=canonical_name(event.name), city=canonical_name(event.city))
        case MerchantProfileChanged() | MerchantLogoSet() | MerchantLogoRemoved():
            return replace(merchant, profile=merchant_profile.evolve(merchant.profile, event))
        case MerchantOriginsSet():
            return replace(
                merchant,
                return_origins=frozenset(event.return_origins),
                frame_origins=frozenset(event.frame_origins),
            )
        case PixKeySet():
            return replace(merchant, pix_key=event)
        case PixKeyRemoved():
            return replace(merchant, pix_key=None)
        case ProductPriced() | ProductWithdrawn():
            return replace(merchant, products=products.evolve(merchant.products, event))
        case ProviderDisconnected():
            connections = provider_accounts.evolve(merchant.connections, event)
            return replace(merchant, connections=connections, webhooks=webhook_health.evolve(merchant.webhooks, event))
        case ProviderConnected() | ProviderCredentialRotated() | WebhookSecretRotated():
            return replace(merchant, connections=provider_accounts.evolve(merchant.connections, event))
        case WebhooksFailing() | WebhooksRecovered():
            return replace(merchant, webhooks=webhook_health.evolve(merchant.webhooks, event))
        case _:
            assert_never(event)


# --- commands -----------------------------------------------------------------------------------

MAX_NAME_LENGTH: Final = 120


class Register(Struct, frozen=True, kw_only=True):
    """Register a merchant."""

    slug: str
    name: str
    city: str


class Rename(Struct, frozen=True, kw_only=True):
    """Change the merchant's name or city; None leaves it unchanged."""

    name: str | None = None
    city: str | None = None


class SetPixKey(Struct, frozen=True, kw_only=True):
    """Set the merchant's own Pix key."""

    kind: str
    key: str


class RemovePixKey(Struct, frozen=True):
    """Remove the merchant's own Pix key."""


CommandToRegistered = (
    Rename
    | ProfileCommand
    | SetOrigins
    | SetPixKey
    | RemovePixKey
    | ProviderAccountCommand
    | JudgeWebhooks
    | ProductCommand
)
Command = Register | CommandToRegistered | KeyCommand

# --- decisions ----------------------------------------------------------------------------------


def decide(command: Command, merchant: Merchant) -> list[MerchantEvent]:
    """Return the events of `command`; none when it does not change the state. Raises `Refused`."""
    if isinstance(command, Register):
        return _register(command, merchant)
    if isinstance(merchant, Unregistered):
        raise Refused("merchant_not_found")
    if isinstance(command, IssueApiKey | RevokeApiKey):
        allowed = api_keys.HUB_SCOPES if isinstance(merchant, Reserved) else api_keys.SCOPES
        return list(api_keys.decide(command, merchant.keys, allowed=allowed))
    return _decide_registered(command, registered(merchant))


def registered(merchant: Merchant, slug: str = "") -> Registered:
    """Return a merchant that may sell; otherwise raises `Refused`, about `slug`."""
    if isinstance(merchant, Registered):
        return merchant
    raise Refused("merchant_not_found", slug)


def _decide_registered(command: CommandToRegistered, merchant: Registered) -> list[MerchantEvent]:  # noqa: PLR0911 - one for each
    match command:
        case Rename():
            return _rename(command, merchant)
        case ChangeProfile() | SetLogo() | RemoveLogo():
            return list(merchant_profile.decide(command, merchant.profile))
        case SetOrigins():
            return list(
                origins.decide(command, return_origins=merchant.return_origins, frame_origins=merchant.frame_origins)
            )
        case SetPixKey():
            event = PixKeySet(kind=command.kind, key=normalise(command.kind, command.key))
            return [] if merchant.pix_key == event else [event]
        case RemovePixKey():
            return [] if merchant.pix_key is None else [PixKeyRemoved()]
        case PriceProduct() | WithdrawProduct():
            return list(products.decide(command, merchant.products))
        case ConnectProvider() | RotateWebhookSecret() | DisconnectProvider():
            return list(provider_accounts.decide(command, merchant.connections))
        case JudgeWebhooks():
            is_connected = command.provider in merchant.connections
            return list(webhook_health.decide(command, merchant.webhooks)) if is_connected else []
        case _:
            assert_never(command)


def _register(command: Register, merchant: Merchant) -> list[MerchantEvent]:
    if not MERCHANT_SLUG.fullmatch(command.slug):
        raise Refused("invalid_slug", command.slug)
    if isinstance(merchant, Reserved) or command.slug == RESERVED_SLUG:
        raise Refused("reserved_slug", command.slug)
    name, city = merchant_text("name", command.name), merchant_text("city", command.city)
    if isinstance(merchant, Unregistered):
        return [MerchantRegistered(slug=command.slug, name=name, city=city)]
    if (merchant.name, merchant.city) == (name, city):
        return []
    raise Refused("merchant_exists", command.slug)


def _rename(command: Rename, merchant: Registered) -> list[MerchantEvent]:
    name = merchant.name if command.name is None else merchant_text("name", command.name)
    city = merchant.city if command.city is None else merchant_text("city", command.city)
    return [] if (merchant.name, merchant.city) == (name, city) else [MerchantRenamed(name=name, city=city)]


def merchant_text(field: str, text: str) -> str:
    """Return a name or a city in its normal form; raises `Refused`, also for what is empty in a BR Code."""
    text = canonical_name(text).strip()
    if not plain_ascii(text) or len(text) > MAX_NAME_LENGTH or not text.isprintable():
        raise Refused("invalid_merchant", field, maximum=MAX_NAME_LENGTH)
    return text


def decider(slug: str) -> Decider[Merchant, Command, MerchantEvent]:
    """Return the decider of a slug's stream."""
    return Decider(initial=RESERVED if slug == RESERVED_SLUG else INITIAL, evolve=evolve, decide=decide)


# --- orders -------------------------------------------------------------------------------------


class Line(Struct, frozen=True, kw_only=True):
    """One requested line of an order: a product by name, or with its own price."""

    name: str
    quantity: int
    unit_price_centavos: int | None


def price_order(lines: Iterable[Line], merchant: Registered, *, listed_prices_only: bool = False) -> tuple[Item, ...]:
    """Add the merchant's price to every line without one; raises `Refused` for an unknown product.

    With `listed_prices_only` a line with a price raises `ListedPricesOnly`, even if it is the listed price.
    """
    items = []
    for line in lines:
        name, price = canonical_name(line.name), line.unit_price_centavos
        if price is not None and listed_prices_only:
            raise ListedPricesOnly("preco_unitario")
        if price is None:
            price = merchant.prices_centavos.get(name)
        if price is None:
            raise products.unknown_product(name, merchant.products)
        items.append(Item(name=name, quantity=line.quantity, unit_price_centavos=price))
    return tuple(items)
