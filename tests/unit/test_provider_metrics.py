"""Requests to Mercado Pago are counted by operation and answer, under a bounded number of labels."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from prometheus_client import REGISTRY

from extrato.errors import ExtratoError
from extrato.providers.mercado_pago.client import MercadoPagoClient
from extrato.providers.mercado_pago.operations import OPERATIONS, OTHER, operation_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

METHODS = {
    name for name, method in inspect.getmembers(MercadoPagoClient, inspect.iscoroutinefunction) if name[0] != "_"
}


@pytest.fixture(autouse=True)
def _retries_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extrato.providers.mercado_pago.client.RETRY_WAIT_S", 0)


class Answer:
    """An answer with a status and an empty body."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.headers: dict[str, str] = {}
        self.content = self

    async def read(self, _size: int) -> bytes:
        return b"{}"

    def at_eof(self) -> bool:
        return True


class Session:
    """Mercado Pago's side: it answers with one status, or fails."""

    def __init__(self, answer: int | BaseException) -> None:
        self.answer = answer
        self.requested: list[tuple[str, str]] = []

    @contextlib.asynccontextmanager
    async def request(self, method: str, url: str, **_: Any) -> AsyncIterator[Answer]:
        self.requested.append((method, url))
        if isinstance(self.answer, BaseException):
            raise self.answer
        yield Answer(self.answer)


def client(answer: int | BaseException) -> tuple[MercadoPagoClient, Session]:
    session = Session(answer)
    return MercadoPagoClient(session, ""), session  # type: ignore[arg-type]


def count(operation: str, status: str) -> float:
    labels = {"provider": "mercado_pago", "operation": operation, "status": status}
    return REGISTRY.get_sample_value("extrato_provider_requests_total", labels) or 0.0


def statuses() -> set[str]:
    return {
        sample.labels["status"]
        for family in REGISTRY.collect()
        if family.name == "extrato_provider_requests"
        for sample in family.samples
    }


async def call(asked: MercadoPagoClient, name: str) -> None:
    method = getattr(asked, name)
    arguments: dict[str, Any] = {"body": {}, "query": {}, "idempotency_key": "k", "at": "x"}
    wanted = {each: arguments.get(each, "token/1") for each in inspect.signature(method).parameters}
    wanted = {each: value.replace("/", "-") if isinstance(value, str) else value for each, value in wanted.items()}
    with contextlib.suppress(ExtratoError):
        await method(**wanted)


@pytest.mark.parametrize("name", sorted(METHODS))
async def test_request_is_counted_under_the_name_of_its_method(name):
    asked, session = client(400)
    before = count(name, "400")
    await call(asked, name)
    assert [operation_of(*request) for request in session.requested] == [name]
    assert count(name, "400") == before + 1


def test_every_operation_is_a_method_of_the_client():
    assert {name for *_, name in OPERATIONS} == METHODS


async def test_unknown_statuses_share_one_label():
    for status in (*range(600, 700), 299, 418):
        await call(client(status)[0], "get_payment")
    unknown = {each for each in statuses() if not each.isalpha()} - {str(code) for code in range(100, 600)}
    assert unknown == set()
    assert count("get_payment", "other") > 0
    assert count("get_payment", "418") > 0


def test_hostile_paths_share_one_operation():
    paths = [f"/v1/payments/{number}/x/y" for number in range(50)] + ["/v1/payments/../users/me\n", ""]
    assert {operation_of("GET", path) for path in paths} == {OTHER}


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (aiohttp.ServerTimeoutError(), "timeout"),
        (TimeoutError(), "timeout"),
        (aiohttp.ServerDisconnectedError(), "network"),
        (ConnectionResetError(), "network"),
    ],
)
async def test_request_without_an_answer_is_counted(failure, status):
    asked, session = client(failure)
    before = count("get_order", status)
    await call(asked, "get_order")
    assert count("get_order", status) - before == len(session.requested) > 0


async def test_request_that_its_caller_gave_up_counts_as_timeout():
    asked, _ = client(asyncio.CancelledError())
    before = count("get_order", "timeout")
    with pytest.raises(asyncio.CancelledError):
        await call(asked, "get_order")
    assert count("get_order", "timeout") == before + 1


async def test_request_that_is_not_sent_counts_as_throttled():
    asked, session = client(429)
    await call(asked, "get_order")
    before = count("get_order", "throttled")
    await call(asked, "get_order")
    assert len(session.requested) == 1
    assert count("get_order", "throttled") == before + 1
