from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from contracts.envelope import Cause, Envelope
from contracts.events import (
    ApiKeyIssued,
    ApiKeyRevoked,
    Item,
    MerchantEvent,
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
)
from extrato.domain import products
from extrato.domain.api_keys import (
    HUB_SCOPES,
    MAX_API_KEYS,
    MAX_REVOKED_LISTED,
    IssueApiKey,
    ListedPricesOnly,
    RevokeApiKey,
    records,
    without_oldest_revoked,
)
from extrato.domain.errors import Refused
from extrato.domain.merchant import (
    INITIAL,
    RESERVED,
    RESERVED_SLUG,
    Command,
    Line,
    Register,
    Registered,
    RemovePixKey,
    Rename,
    SetPixKey,
    decide,
    decider,
    evolve,
    price_order,
    stream_id,
)
from extrato.domain.merchant_profile import ChangeProfile, RemoveLogo, SetLogo
from extrato.domain.origins import SetOrigins
from extrato.domain.products import MAX_PRICE_CENTAVOS, PriceProduct, WithdrawProduct
from extrato.domain.provider_accounts import ConnectProvider, DisconnectProvider, RotateWebhookSecret

REGISTERED = MerchantRegistered(slug="padaria", name="Padaria do Marcos", city="São Paulo")
REGISTER = Register(slug="padaria", name="Padaria do Marcos", city="São Paulo")
KEY = ApiKeyIssued(key_id="k1", secret_digest="ab" * 32, scopes=("payments:read",), listed_prices_only=False, name=None)
ISSUE = IssueApiKey(key_id="k1", secret_digest="ab" * 32, scopes=("payments:read",))
REVOKED = ApiKeyRevoked(key_id="k1")
CONNECTED = ProviderConnected(provider="mp", account_id="123", credential_digest="one", pix_api="payments")
CONNECT = ConnectProvider(provider="mp", account_id="123", credential_digest="one", pix_api="payments")
PRICED = ProductPriced(name="pão", price_centavos=150)


class Story:
    """`given(events).when(command)` returns the new events."""

    def __init__(self, *history: MerchantEvent, slug: str = "padaria") -> None:
        self.history = history
        self.slug = slug

    def when(self, command: Command) -> list[MerchantEvent]:
        return decide(command, decider(self.slug).fold(self.history))

    def refuses(self, command: Command) -> str:
        with pytest.raises(Refused) as refused:
            self.when(command)
        return refused.value.code


given_events = Story


# --- registration ---------------------------------------------------------------------------------


def test_merchant_is_registered():
    assert given_events().when(REGISTER) == [REGISTERED]


@pytest.mark.parametrize("slug", ["", "-a", "a-", "A", "a_b", "a.b", "pão", "a" * 64, "a b", "a\n"])
def test_slug_that_fits_no_subject_is_refused(slug: str):
    assert given_events().refuses(Register(slug=slug, name="a", city="b")) == "invalid_slug"


def test_name_in_another_script_is_accepted():
    registered = MerchantRegistered(slug="a", name="パン屋", city="Łódź")
    assert given_events().when(Register(slug="a", name="パン屋", city="Łódź")) == [registered]


@pytest.mark.parametrize(
    ("name", "city"), [("", "b"), ("a", " "), ("a\nb", "c"), ("a" * 121, "b"), ("🥖🥐", "b"), ("a", "☕️")]
)
def test_name_or_city_without_ascii_form_is_refused(name: str, city: str):
    assert given_events().refuses(Register(slug="a", name=name, city=city)) == "invalid_merchant"


def test_second_merchant_with_one_slug_is_refused():
    other = Register(slug="padaria", name="Outra", city="São Paulo")
    assert given_events(REGISTERED).refuses(other) == "merchant_exists"


def test_repeated_registration_records_nothing():
    assert given_events(REGISTERED).when(REGISTER) == []


@pytest.mark.parametrize(
    "command",
    [
        Rename(name="a"),
        SetPixKey(kind="email", key="a@b.co"),
        RemovePixKey(),
        CONNECT,
        RotateWebhookSecret(provider="p", credential_digest="x"),
        DisconnectProvider(provider="p"),
        PriceProduct(name="pão", price_centavos=1),
        WithdrawProduct(name="pão"),
        ISSUE,
        RevokeApiKey(key_id="k1"),
    ],
    ids=lambda command: type(command).__name__,
)
def test_commands_to_an_unknown_merchant_are_refused(command: Command):
    assert given_events().refuses(command) == "merchant_not_found"


def test_merchant_is_renamed_in_part_or_whole():
    renamed = MerchantRenamed(name="Padaria da Ana", city="São Paulo")
    assert given_events(REGISTERED).when(Rename(name=" Padaria da Ana ")) == [renamed]
    assert given_events(REGISTERED, renamed).when(Rename(name="A", city="B")) == [MerchantRenamed(name="A", city="B")]


@pytest.mark.parametrize("command", [Rename(name=" "), Rename(city="\x00")])
def test_unusable_new_name_is_refused(command: Command):
    assert given_events(REGISTERED).refuses(command) == "invalid_merchant"


def test_repeated_renaming_records_nothing():
    assert given_events(REGISTERED).when(Rename(name="Padaria do Marcos", city="São Paulo")) == []


# --- Pix key --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "key", "kept"),
    [
        ("cpf", "529.982.247-25", "52998224725"),
        ("cnpj", "12.abc.345/01de-35", "12ABC34501DE35"),
        ("phone", "(11) 98765-4321", "+5511987654321"),
        ("email", "Marcos@Example.com", "marcos@example.com"),
        ("evp", "123E4567-E12B-12D1-A456-426655440000", "123e4567-e12b-12d1-a456-426655440000"),
    ],
)
def test_pix_key_is_set_in_its_normal_form(kind: str, key: str, kept: str):
    assert given_events(REGISTERED).when(SetPixKey(kind=kind, key=key)) == [PixKeySet(kind=kind, key=kept)]
    assert given_events(REGISTERED, PixKeySet(kind=kind, key=kept)).when(SetPixKey(kind=kind, key=key)) == []


@pytest.mark.parametrize(
    ("kind", "key"), [("cpf", "529.982.247-26"), ("telex", "11-4002-8922"), ("evp", "not-a-uuid"), ("email", "nobody")]
)
def test_invalid_pix_key_is_refused_without_being_quoted(kind: str, key: str):
    with pytest.raises(Refused) as refused:
        given_events(REGISTERED).when(SetPixKey(kind=kind, key=key))
    assert refused.value.code.startswith("pix_key_")
    assert key not in refused.value.about + refused.value.message


def test_pix_key_is_replaced_and_removed_once():
    first, second = PixKeySet(kind="email", key="a@b.co"), PixKeySet(kind="email", key="c@d.co")
    assert given_events(REGISTERED, first).when(SetPixKey(kind="email", key="c@d.co")) == [second]
    assert given_events(REGISTERED, first).when(RemovePixKey()) == [PixKeyRemoved()]
    assert given_events(REGISTERED, first, PixKeyRemoved()).when(RemovePixKey()) == []


# --- provider accounts ----------------------------------------------------------------------------


def test_provider_is_connected():
    assert given_events(REGISTERED).when(CONNECT) == [CONNECTED]


def test_second_credential_of_an_account_is_a_rotation():
    command = ConnectProvider(provider="mp", account_id="123", credential_digest="two", pix_api="orders")
    rotated = ProviderCredentialRotated(provider="mp", credential_digest="two", pix_api="orders")
    assert given_events(REGISTERED, CONNECTED).when(command) == [rotated]
    assert given_events(REGISTERED, CONNECTED, rotated).when(command) == []
    assert given_events(REGISTERED, CONNECTED, rotated).when(CONNECT) == [
        ProviderCredentialRotated(provider="mp", credential_digest="one", pix_api="payments")
    ]


def test_second_account_needs_a_disconnection_first():
    other = ConnectProvider(provider="mp", account_id="456", credential_digest="two", pix_api="payments")
    removed = ProviderDisconnected(provider="mp")
    assert given_events(REGISTERED, CONNECTED).refuses(other) == "another_account_connected"
    assert given_events(REGISTERED, CONNECTED, removed).when(other) == [
        ProviderConnected(provider="mp", account_id="456", credential_digest="two", pix_api="payments")
    ]


def test_unknown_pix_api_is_refused():
    command = ConnectProvider(provider="mp", account_id="123", credential_digest="one", pix_api="telex")
    assert given_events(REGISTERED).refuses(command) == "unknown_pix_api"


def test_repeated_connection_records_nothing():
    assert given_events(REGISTERED, CONNECTED).when(CONNECT) == []


def test_webhook_secret_is_rotated_once():
    command = RotateWebhookSecret(provider="mp", credential_digest="two")
    rotated = WebhookSecretRotated(provider="mp", credential_digest="two")
    assert given_events(REGISTERED, CONNECTED).when(command) == [rotated]
    assert given_events(REGISTERED, CONNECTED, rotated).when(command) == []


def test_webhook_secret_without_an_account_is_refused():
    command = RotateWebhookSecret(provider="mp", credential_digest="two")
    assert given_events(REGISTERED).refuses(command) == "provider_not_connected"


def test_provider_is_disconnected_once():
    command, removed = DisconnectProvider(provider="mp"), ProviderDisconnected(provider="mp")
    assert given_events(REGISTERED, CONNECTED).when(command) == [removed]
    assert given_events(REGISTERED, CONNECTED, removed).when(command) == []
    assert given_events(REGISTERED).when(command) == []


# --- products -------------------------------------------------------------------------------------


def test_product_price_is_recorded_once_for_each_change():
    assert given_events(REGISTERED).when(PriceProduct(name="pão", price_centavos=150)) == [PRICED]
    assert given_events(REGISTERED, PRICED).when(PriceProduct(name="pão", price_centavos=150)) == []
    assert given_events(REGISTERED, PRICED).when(PriceProduct(name="pão", price_centavos=160)) == [
        ProductPriced(name="pão", price_centavos=160)
    ]


@pytest.mark.parametrize("price", [0, -1, MAX_PRICE_CENTAVOS + 1])
def test_impossible_price_is_refused(price: int):
    assert given_events(REGISTERED).refuses(PriceProduct(name="pão", price_centavos=price)) == "invalid_price"


@pytest.mark.parametrize("name", ["", " ", " pão", "a" * 121, "a\x00"])
def test_product_without_a_name_is_refused(name: str):
    assert given_events(REGISTERED).refuses(PriceProduct(name=name, price_centavos=1)) == "invalid_product"


def test_merchant_has_a_limit_of_products(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(products, "MAX_PRODUCTS", 1)
    assert given_events(REGISTERED, PRICED).refuses(PriceProduct(name="bolo", price_centavos=1)) == "too_many_products"
    assert given_events(REGISTERED, PRICED).when(PriceProduct(name="pão", price_centavos=1))


COMPOSED, COMBINING = "Pão Francês", unicodedata.normalize("NFD", "Pão Francês")


@pytest.mark.parametrize("recorded", [COMPOSED, COMBINING])
@pytest.mark.parametrize("asked", [COMPOSED, COMBINING])
def test_product_name_ignores_unicode_composition(recorded: str, asked: str):
    events = [REGISTERED, ProductPriced(name=recorded, price_centavos=150)]
    assert given_events(*events).when(PriceProduct(name=asked, price_centavos=150)) == []
    assert given_events(*events).when(PriceProduct(name=asked, price_centavos=160)) == [
        ProductPriced(name=COMPOSED, price_centavos=160)
    ]
    assert given_events(*events).when(WithdrawProduct(name=asked)) == [ProductWithdrawn(name=COMPOSED)]
    line = Line(name=asked, quantity=2, unit_price_centavos=None)
    assert price_order([line], decider("padaria").fold(events)) == (Item(COMPOSED, 2, 150),)


def test_older_log_with_two_spellings_has_one_product():
    twice = [
        REGISTERED,
        *(ProductPriced(name=name, price_centavos=price) for name, price in ((COMBINING, 1), (COMPOSED, 2))),
    ]
    assert decider("padaria").fold(twice).prices_centavos == {COMPOSED: 2}
    assert decider("padaria").fold([*twice, ProductWithdrawn(name=COMBINING)]).prices_centavos == {}


def test_combining_marks_do_not_count_as_characters():
    name = unicodedata.normalize("NFD", "ã" * 120)
    assert given_events(REGISTERED).when(PriceProduct(name=name, price_centavos=1)) == [
        ProductPriced(name="ã" * 120, price_centavos=1)
    ]
    assert given_events(REGISTERED).when(Rename(name=name)) == [MerchantRenamed(name="ã" * 120, city=REGISTERED.city)]


@pytest.mark.parametrize("recorded", [COMPOSED, COMBINING])
@pytest.mark.parametrize("asked", [COMPOSED, COMBINING])
def test_merchant_name_ignores_unicode_composition(recorded: str, asked: str):
    registered = MerchantRegistered(slug=REGISTERED.slug, name=recorded, city=recorded)
    assert given_events(registered).when(Register(slug=REGISTERED.slug, name=asked, city=asked)) == []
    assert given_events(registered).when(Rename(name=asked)) == []
    renamed = MerchantRenamed(name=recorded, city=REGISTERED.city)
    assert given_events(REGISTERED, renamed).when(Rename(name=asked)) == []


def test_product_is_withdrawn_once():
    command, removed = WithdrawProduct(name="pão"), ProductWithdrawn(name="pão")
    assert given_events(REGISTERED, PRICED).when(command) == [removed]
    assert given_events(REGISTERED, PRICED, removed).when(command) == []
    assert given_events(REGISTERED, PRICED, removed).when(PriceProduct(name="pão", price_centavos=150)) == [PRICED]
    assert given_events(REGISTERED, PRICED, removed, PRICED).when(command) == [removed]
    assert given_events(REGISTERED, PRICED, removed, PRICED, removed).when(command) == []


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("Pao Frances", "The merchant does not sell the product 'Pao Frances'. Did you mean 'Pão Francês'?"),
        ("pão francês", "The merchant does not sell the product 'pão francês'. Did you mean 'Pão Francês'?"),
        ("Bolo", "The merchant does not sell the product 'Bolo'."),
        ("", "The merchant does not sell the product ''."),
        ("x" * 5000, f"The merchant does not sell the product '{'x' * 120}'."),
    ],
)
def test_withdrawal_of_an_unknown_product_is_refused(asked: str, message: str):
    sold = ProductPriced(name="Pão Francês", price_centavos=150)
    with pytest.raises(Refused) as refused:
        given_events(REGISTERED, sold).when(WithdrawProduct(name=asked))
    assert (refused.value.code, refused.value.message) == ("unknown_product", message)


def test_refusal_never_suggests_a_withdrawn_product():
    removed = ProductWithdrawn(name="pão")
    with pytest.raises(Refused) as refused:
        given_events(REGISTERED, PRICED, removed).when(WithdrawProduct(name="pao"))
    assert refused.value.message == "The merchant does not sell the product 'pao'."


@pytest.mark.parametrize("recorded", [COMPOSED, COMBINING])
@pytest.mark.parametrize("asked", [COMPOSED, COMBINING])
def test_withdrawal_ignores_unicode_composition(recorded: str, asked: str):
    history = [REGISTERED, ProductPriced(name=recorded, price_centavos=150), ProductWithdrawn(name=recorded)]
    assert given_events(*history).when(WithdrawProduct(name=asked)) == []


# --- API keys -------------------------------------------------------------------------------------


def test_api_key_is_issued():
    assert given_events(REGISTERED).when(ISSUE) == [KEY]


@pytest.mark.parametrize(("name", "kept"), [("Caixa 2", "Caixa 2"), ("  Caixa 2 ", "Caixa 2"), ("ã" * 60, "ã" * 60)])
def test_api_key_is_issued_with_a_name(name: str, kept: str):
    assert given_events(REGISTERED).when(replace(ISSUE, name=name)) == [replace(KEY, name=kept)]
    assert given_events(REGISTERED, replace(KEY, name=kept)).when(replace(ISSUE, name=name)) == []


@pytest.mark.parametrize("name", ["", " ", "ã" * 61, "a\nb", "a\u202eb", "a\0b"])
def test_unreadable_key_name_is_refused(name: str):
    assert given_events(REGISTERED).refuses(replace(ISSUE, name=name)) == "invalid_api_key_name"
    assert given_events(slug=RESERVED_SLUG).refuses(replace(ISSUE, name=name)) == "invalid_api_key_name"


def recorded(event: ApiKeyIssued | ApiKeyRevoked | MerchantRegistered, minute: int) -> Envelope:
    at = datetime(2026, 11, 29, 8, tzinfo=UTC) + timedelta(minutes=minute)
    return Envelope(
        event_id=UUID(int=minute),
        stream_id=UUID(int=0),
        version=minute + 1,
        position=minute + 1,
        merchant="padaria",
        payment_id=None,
        occurred_at=at,
        recorded_at=at,
        cause=Cause(correlation_id="c", actor="operator"),
        event=event,
    )


def test_key_records_have_log_times_and_include_revoked_keys():
    other = replace(KEY, key_id="k2", name="Caixa 2")
    history = [recorded(REGISTERED, 0), recorded(KEY, 1), recorded(other, 2), recorded(REVOKED, 5)]
    assert [
        (each.issued, each.issued_at.minute, each.revoked_at and each.revoked_at.minute) for each in records(history)
    ] == [
        (KEY, 1, 5),
        (other, 2, None),
    ]


def test_key_records_say_what_issued_each_key_and_keep_all_revoked_ones():
    keys = [replace(KEY, key_id=f"k{number}") for number in range(MAX_REVOKED_LISTED + 3)]
    history = [recorded(each, number) for number, each in enumerate(keys)]
    history += [recorded(ApiKeyRevoked(key_id=each.key_id), 200 + number) for number, each in enumerate(keys)]
    listed = records(history)
    assert [each.issued.key_id for each in listed] == [each.key_id for each in keys]
    assert {each.issued_by.actor for each in listed} == {"operator"}
    assert [each.version for each in listed] == sorted({each.version for each in listed})


def test_key_records_have_every_valid_and_the_latest_revoked_keys():
    keys = [replace(KEY, key_id=f"k{number}") for number in range(MAX_REVOKED_LISTED + 3)]
    history = [recorded(each, number) for number, each in enumerate(keys)]
    first_revoked = ["k5", "k7"]
    revoked = [*first_revoked, *(each.key_id for each in keys if each.key_id not in {*first_revoked, "k0"})]
    history += [recorded(ApiKeyRevoked(key_id=key_id), 200 + number) for number, key_id in enumerate(revoked)]
    listed = [each.issued.key_id for each in without_oldest_revoked(records(history))]
    assert listed == [each.key_id for each in keys if each.key_id not in first_revoked]
    assert "k0" in listed


@pytest.mark.parametrize("scopes", [(), ("payments:read", "root")])
def test_api_key_without_a_known_scope_is_refused(scopes: tuple[str, ...]):
    command = IssueApiKey(key_id="k", secret_digest="x", scopes=scopes)
    assert given_events(REGISTERED).refuses(command) == "unknown_scope"


def test_metrics_scope_is_for_hub_keys_only():
    command = IssueApiKey(key_id="k", secret_digest="x", scopes=("metrics",))
    assert given_events(REGISTERED).refuses(command) == "unknown_scope"
    issued = ApiKeyIssued(key_id="k", secret_digest="x", scopes=("metrics",), listed_prices_only=False, name=None)
    assert decide(command, RESERVED) == [issued]


def test_api_key_for_listed_prices_only_is_issued():
    command = replace(ISSUE, listed_prices_only=True)
    assert given_events(REGISTERED).when(command) == [replace(KEY, listed_prices_only=True)]
    assert given_events(REGISTERED, KEY).refuses(command) == "api_key_exists"


@pytest.mark.parametrize("slug", ["padaria", RESERVED_SLUG])
def test_admin_key_cannot_be_for_listed_prices_only(slug: str):
    command = IssueApiKey(key_id="k", secret_digest="x", scopes=("admin", "payments:write"), listed_prices_only=True)
    history = [REGISTERED] if slug == "padaria" else []
    assert given_events(*history, slug=slug).refuses(command) == "admin_sets_prices"


def test_second_api_key_with_one_id_is_refused():
    other = IssueApiKey(key_id="k1", secret_digest="cd" * 32, scopes=("payments:read",))
    assert given_events(REGISTERED, KEY).refuses(other) == "api_key_exists"


def test_repeated_issue_of_an_api_key_records_nothing():
    assert given_events(REGISTERED, KEY).when(ISSUE) == []


def test_merchant_has_a_limit_of_api_keys():
    keys = [replace(KEY, key_id=f"k{n}") for n in range(MAX_API_KEYS)]
    command = IssueApiKey(key_id="more", secret_digest="x", scopes=("admin",))
    assert given_events(REGISTERED, *keys).refuses(command) == "too_many_api_keys"
    assert given_events(REGISTERED, *keys, ApiKeyRevoked(key_id="k0")).when(command)


def test_api_key_is_revoked_once_and_permanently():
    command = RevokeApiKey(key_id="k1")
    assert given_events(REGISTERED, KEY).when(command) == [REVOKED]
    assert given_events(REGISTERED, KEY, REVOKED).when(command) == []
    assert given_events(REGISTERED, KEY, REVOKED).refuses(ISSUE) == "api_key_exists"


def test_revocation_of_an_unknown_api_key_is_refused():
    assert given_events(REGISTERED).refuses(RevokeApiKey(key_id="k1")) == "api_key_not_found"


def test_reserved_slug_has_keys_and_is_no_merchant():
    hub = given_events(slug=RESERVED_SLUG)
    assert hub.when(ISSUE) == [KEY]
    assert given_events(KEY, slug=RESERVED_SLUG).when(RevokeApiKey(key_id="k1")) == [REVOKED]
    assert hub.refuses(Register(slug=RESERVED_SLUG, name="a", city="b")) == "reserved_slug"
    assert hub.refuses(SetPixKey(kind="email", key="a@b.co")) == "merchant_not_found"
    assert not isinstance(decider(RESERVED_SLUG).fold([KEY]), Registered)


# --- stream and orders ----------------------------------------------------------------------------


@pytest.mark.parametrize("event", [KEY, REVOKED, PRICED], ids=lambda event: type(event).__name__)
def test_first_event_of_a_merchant_registers_it(event: MerchantEvent):
    with pytest.raises(TypeError):
        evolve(INITIAL, event)


def test_slug_always_names_the_same_stream():
    assert stream_id("padaria") == stream_id("padaria") != stream_id("padaria2")


def test_line_without_a_price_gets_the_merchants_price():
    merchant = decider("padaria").fold([REGISTERED, ProductPriced(name="pão", price_centavos=150)])
    assert isinstance(merchant, Registered)
    lines = [
        Line(name="pão", quantity=3, unit_price_centavos=None),
        Line(name="bolo", quantity=1, unit_price_centavos=900),
    ]

    assert price_order(lines, merchant) == (Item("pão", 3, 150), Item("bolo", 1, 900))


@pytest.mark.parametrize("price", [1, 150])
def test_listed_prices_only_refuses_even_the_listed_price(price: int):
    merchant = decider("padaria").fold([REGISTERED, ProductPriced(name="pão", price_centavos=150)])
    assert isinstance(merchant, Registered)
    listed = Line(name="pão", quantity=3, unit_price_centavos=None)

    assert price_order([listed], merchant, listed_prices_only=True) == (Item("pão", 3, 150),)
    with pytest.raises(ListedPricesOnly) as refused:
        price_order([listed, replace(listed, unit_price_centavos=price)], merchant, listed_prices_only=True)
    assert (refused.value.code, refused.value.about) == ("listed_prices_only", "preco_unitario")


def test_order_of_an_unknown_product_is_refused():
    merchant = decider("padaria").fold([REGISTERED])
    assert isinstance(merchant, Registered)
    with pytest.raises(Refused) as refused:
        price_order([Line(name="pão", quantity=3, unit_price_centavos=None)], merchant)
    assert refused.value.code == "unknown_product"
    assert refused.value.about == "pão"


names = st.sampled_from(["a", "b"])
commands = st.one_of(
    st.builds(Register, slug=names, name=names, city=names),
    st.builds(Rename, name=names, city=names),
    st.builds(SetPixKey, kind=st.just("email"), key=st.sampled_from(["a@b.co", "c@d.co"])),
    st.just(RemovePixKey()),
    st.builds(ConnectProvider, provider=names, account_id=names, credential_digest=names, pix_api=st.just("orders")),
    st.builds(RotateWebhookSecret, provider=names, credential_digest=names),
    st.builds(DisconnectProvider, provider=names),
    st.builds(
        ChangeProfile,
        colour=st.sampled_from([UNSET, None, "#AA3300", "red"]),
        document=st.sampled_from([UNSET, None, "529.982.247-25", "1"]),
        phone=st.sampled_from([UNSET, None, "1133334444"]),
    ),
    st.builds(SetLogo, digest=names, media_type=names, width=st.just(1), height=st.just(1)),
    st.just(RemoveLogo()),
    st.builds(SetOrigins, return_origins=st.sampled_from([None, (), ("https://B.example", "https://a.example")])),
    st.builds(PriceProduct, name=names, price_centavos=st.integers(0, 2)),
    st.builds(WithdrawProduct, name=names),
    st.builds(
        IssueApiKey,
        key_id=names,
        secret_digest=names,
        scopes=st.lists(st.sampled_from([*sorted(HUB_SCOPES), "root"]), max_size=2).map(tuple),
        listed_prices_only=st.booleans(),
    ),
    st.builds(RevokeApiKey, key_id=names),
)


@given(st.lists(commands, max_size=30), st.sampled_from(["a", RESERVED_SLUG]))
def test_repeated_command_records_nothing(asked: list[Command], slug: str):
    merchant = decider(slug).initial
    for command in asked:
        try:
            events = decide(command, merchant)
        except Refused:
            continue
        for event in events:
            merchant = evolve(merchant, event)
        assert decide(command, merchant) == []
