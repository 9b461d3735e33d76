"""The methods of `/v1` are the same in the contracts, where payments are created and where they are shown."""

from __future__ import annotations

from typing import get_args, get_type_hints

from contracts.providers import PROVIDERS
from contracts.v1 import PaymentCreation
from contracts.v1.types import METHODS as LISTED
from services.gateway.v1.methods import CHARGED_BY
from services.gateway.v1.methods import METHODS as SHOWN


def test_each_method_that_can_be_charged_is_shown_by_its_name():
    assert {method: pair for pair, method in SHOWN.items()} == {
        method: (provider, of_provider) for method, (provider, of_provider, _) in CHARGED_BY.items()
    }


def test_contracts_list_the_methods_and_providers():
    assert set(LISTED) == CHARGED_BY.keys() == set(get_args(get_type_hints(PaymentCreation)["method"]))
    assert set(PROVIDERS) == {provider for provider, _ in SHOWN}
