from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import (
    ApiKeyIssued,
    Item,
    MerchantEvent,
    MerchantRegistered,
    PixKeySet,
    ProductPriced,
    ProviderConnected,
)
from extrato.domain.errors import Refused
from extrato.domain.merchant import (
    INITIAL,
    SCOPES,
    Command,
    ConnectProvider,
    IssueApiKey,
    Line,
    PriceProduct,
    Register,
    Registered,
    SetPixKey,
    decide,
    evolve,
    fold,
    price_order,
    stream_id,
)

REGISTERED = MerchantRegistered(slug="padaria", name="Padaria do Marcos", city="São Paulo")
REGISTER = Register(slug="padaria", name="Padaria do Marcos", city="São Paulo")
KEY = ApiKeyIssued(key_id="k1", secret_digest="ab" * 32, scopes=("payments:read",))
ISSUE = IssueApiKey(key_id="k1", secret_digest="ab" * 32, scopes=("payments:read",))


class Story:
    """`given(events).when(command)` and then what follows."""

    def __init__(self, *history: MerchantEvent) -> None:
        self.history = history

    def when(self, command: Command) -> list[MerchantEvent]:
        return decide(command, fold(self.history))

    def refuses(self, command: Command) -> str:
        with pytest.raises(Refused) as refused:
            self.when(command)
        return refused.value.code


given_events = Story


def test_a_merchant_is_registered():
    assert given_events().when(REGISTER) == [REGISTERED]


@pytest.mark.parametrize("slug", ["", "-a", "a-", "A", "a_b", "a.b", "pão", "a" * 64, "a b", "a\n"])
def test_a_slug_that_fits_no_subject_is_refused(slug: str):
    assert given_events().refuses(Register(slug=slug, name="a", city="b")) == "invalid_slug"


@pytest.mark.parametrize(("name", "city"), [("", "b"), ("a", " ")])
def test_a_merchant_without_name_or_city_is_refused(name: str, city: str):
    assert given_events().refuses(Register(slug="a", name=name, city=city)) == "invalid_merchant"


def test_another_merchant_with_the_slug_is_refused():
    other = Register(slug="padaria", name="Outra", city="São Paulo")
    assert given_events(REGISTERED).refuses(other) == "merchant_exists"


def test_registering_again_is_quiet():
    assert given_events(REGISTERED).when(REGISTER) == []


@pytest.mark.parametrize(
    "command",
    [
        SetPixKey(kind="email", key="a@b.co"),
        ConnectProvider(provider="p", account_id="1", credential_digest="x"),
        PriceProduct(name="pão", price_centavos=1),
        ISSUE,
    ],
)
def test_what_is_asked_of_a_merchant_who_does_not_exist_is_refused(command: Command):
    assert given_events().refuses(command) == "merchant_not_found"


def test_a_pix_key_is_set_replaced_and_repeated_quietly():
    first, second = PixKeySet(kind="email", key="a@b.co"), PixKeySet(kind="evp", key="x")
    ask_first, ask_second = SetPixKey(kind="email", key="a@b.co"), SetPixKey(kind="evp", key="x")

    assert given_events(REGISTERED).when(ask_first) == [first]
    assert given_events(REGISTERED, first).when(ask_second) == [second]
    assert given_events(REGISTERED, first).when(ask_first) == []
    assert given_events(REGISTERED, first, second).when(ask_first) == [first]


def test_a_provider_is_connected_reconnected_and_repeated_quietly():
    connected = ProviderConnected(provider="mercado_pago", account_id="123", credential_digest="one")
    ask = ConnectProvider(provider="mercado_pago", account_id="123", credential_digest="one")
    other = ConnectProvider(provider="mercado_pago", account_id="123", credential_digest="two")

    assert given_events(REGISTERED).when(ask) == [connected]
    assert given_events(REGISTERED, connected).when(ask) == []
    assert given_events(REGISTERED, connected).when(other) == [
        ProviderConnected(provider="mercado_pago", account_id="123", credential_digest="two")
    ]


def test_a_product_is_priced_repriced_and_repeated_quietly():
    priced = ProductPriced(name="pão", price_centavos=150)

    assert given_events(REGISTERED).when(PriceProduct(name="pão", price_centavos=150)) == [priced]
    assert given_events(REGISTERED, priced).when(PriceProduct(name="pão", price_centavos=150)) == []
    assert given_events(REGISTERED, priced).when(PriceProduct(name="pão", price_centavos=160)) == [
        ProductPriced(name="pão", price_centavos=160)
    ]


@pytest.mark.parametrize("price", [0, -1])
def test_a_price_that_is_none_is_refused(price: int):
    assert given_events(REGISTERED).refuses(PriceProduct(name="pão", price_centavos=price)) == "invalid_price"


def test_an_api_key_is_issued():
    assert given_events(REGISTERED).when(ISSUE) == [KEY]


def test_an_api_key_for_an_unknown_scope_is_refused():
    ask = IssueApiKey(key_id="k", secret_digest="x", scopes=("payments:read", "root"))
    assert given_events(REGISTERED).refuses(ask) == "unknown_scope"


def test_another_api_key_under_the_same_id_is_refused():
    other = IssueApiKey(key_id="k1", secret_digest="cd" * 32, scopes=("payments:read",))
    assert given_events(REGISTERED, KEY).refuses(other) == "api_key_exists"


def test_issuing_an_api_key_again_is_quiet():
    assert given_events(REGISTERED, KEY).when(ISSUE) == []


def test_the_first_event_of_a_merchant_registers_it():
    with pytest.raises(TypeError):
        evolve(INITIAL, KEY)


def test_a_slug_always_names_the_same_stream():
    assert stream_id("padaria") == stream_id("padaria") != stream_id("padaria2")


def test_an_order_takes_the_merchants_price_where_a_line_has_none():
    merchant = fold([REGISTERED, ProductPriced(name="pão", price_centavos=150)])
    assert isinstance(merchant, Registered)
    lines = [
        Line(name="pão", quantity=3, unit_price_centavos=None),
        Line(name="bolo", quantity=1, unit_price_centavos=900),
    ]

    assert price_order(lines, merchant) == (Item("pão", 3, 150), Item("bolo", 1, 900))


def test_an_order_of_an_unknown_product_is_refused():
    merchant = fold([REGISTERED])
    assert isinstance(merchant, Registered)
    with pytest.raises(Refused) as refused:
        price_order([Line(name="pão", quantity=3, unit_price_centavos=None)], merchant)
    assert refused.value.code == "unknown_product"
    assert refused.value.about == "pão"


names = st.sampled_from(["a", "b"])
commands = st.one_of(
    st.builds(Register, slug=names, name=names, city=names),
    st.builds(SetPixKey, kind=names, key=names),
    st.builds(ConnectProvider, provider=names, account_id=names, credential_digest=names),
    st.builds(PriceProduct, name=names, price_centavos=st.integers(0, 2)),
    st.builds(
        IssueApiKey,
        key_id=names,
        secret_digest=names,
        scopes=st.lists(st.sampled_from([*sorted(SCOPES), "root"]), max_size=2).map(tuple),
    ),
)


@given(st.lists(commands, max_size=30))
def test_a_command_decided_twice_is_quiet_the_second_time(asked: list[Command]):
    merchant = INITIAL
    for command in asked:
        try:
            events = decide(command, merchant)
        except Refused:
            continue
        for event in events:
            merchant = evolve(merchant, event)
        assert decide(command, merchant) == []
