"""Repeated values are rejected, and one module reads them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from multidict import CIMultiDict, MultiDict

import services.gateway
from extrato.domain.errors import Refused
from services.gateway.http.values import single

# Handlers use `single` instead of these reads.
READS_THE_FIRST = re.compile(r"\.(query|headers)(\.get(one)?\(|\[)")
# These headers belong to a response.
ANSWERS = re.compile(r"(response|answer|response\.headers)\b")


def test_single_value_is_returned_and_absent_one_is_none():
    assert single(MultiDict(a="1"), "a") == "1"
    assert single(MultiDict(a=""), "a") == ""
    assert single(MultiDict(A="1"), "a") is None
    assert single(CIMultiDict({"X-Signature": "1"}), "x-signature") == "1"


@pytest.mark.parametrize("second", ["1", "2", ""])
def test_repeated_value_is_rejected_also_when_equal(second):
    for values in (MultiDict([("a", "1"), ("a", second)]), CIMultiDict([("a", "1"), ("A", second)])):
        with pytest.raises(Refused) as refused:
            single(values, "a")
        assert (refused.value.code, refused.value.about) == ("repeated_value", "a")
        assert refused.value.message == "'a' must not be sent more than once."
        assert refused.value.portuguese == "'a' não pode ser informado mais de uma vez"


def test_handlers_read_single_values_only():
    found = [
        f"{path.name}: {line.strip()}"
        for path in Path(services.gateway.__path__[0]).rglob("*.py")
        for line in path.read_text().splitlines()
        if READS_THE_FIRST.search(line) and not ANSWERS.search(line)
    ]
    assert found == []
