"""Checks every answer that a test gets from a gateway by the operation's description in `openapi.json`."""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator

from contracts.generate.openapi import openapi
from contracts.generate.schemas import SCHEMA_DIALECT
from contracts.operations import OPERATIONS
from contracts.v1.problem import PROBLEM_JSON

if TYPE_CHECKING:
    from types import SimpleNamespace

    from contracts.operations.operation import Operation

JSON = "application/json"
JSONS = {JSON, PROBLEM_JSON}


def broken_promises(method: str, path: str, status: int, content_type: str, body: bytes) -> list[str]:
    """Return a line for each fault of an answer, or no line if no operation has this address.

    `path` is the sent path, with its escapes.
    """
    operation = operation_of(method, path)
    if operation is None or operation.errors is None:
        return []
    named = f"{operation.name} answers {status}"
    answer = _answers_of(operation.name).get(str(status))
    if answer is None:
        return [f"{named}, which is not described: {body[:300]!r}"]
    if method == "HEAD" or content_type not in JSONS or content_type not in answer.get("content", {}):
        return []
    faults = _validator(operation.name, status, content_type).iter_errors(json.loads(body))
    return [f"{named}: {fault.json_path}: {fault.message[:300]}" for fault in faults]


def hold_to_promise(method: str, path: str, status: int, content_type: str, body: bytes) -> None:
    """Fail the test if an answer does not fit its description."""
    broken = broken_promises(method, path, status, content_type, body)
    if broken:
        pytest.fail("\n".join(broken))


@functools.cache
def operation_of(method: str, path: str) -> Operation | None:
    """Find the operation of an address, by the path with the fewest parameters."""
    method = "GET" if method == "HEAD" else method
    fitting = [each for each in OPERATIONS if each.method == method and _pattern_of(each).fullmatch(path)]
    return min(fitting, key=lambda each: each.path.count("{"), default=None)


def _pattern_of(operation: Operation) -> re.Pattern[str]:
    takes_both = operation.or_slash or operation.path.endswith("/")
    named = re.sub(r"{\w+}", "[^/]+", operation.path.removesuffix("/") if takes_both else operation.path)
    return re.compile(f"{named}/?" if takes_both else named)


@functools.cache
def _document() -> dict[str, Any]:
    return openapi()


@functools.cache
def _answers_of(name: str) -> dict[str, Any]:
    """Return the answers of an operation by status, with shared answers in place of references."""
    document = _document()
    operation = next(each for each in OPERATIONS if each.name == name)
    answers = document["paths"][operation.path][operation.method.lower()]["responses"]
    shared = document["components"]["responses"]
    return {
        status: shared[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
        for status, answer in answers.items()
    }


@functools.cache
def _validator(name: str, status: int, content_type: str) -> Draft202012Validator:
    schema = _answers_of(name)[str(status)]["content"][content_type].get("schema", {})
    return Draft202012Validator({"$schema": SCHEMA_DIALECT, **schema, "components": _document()["components"]})


def holding(url: str) -> aiohttp.TraceConfig:
    """Return a trace that fails the test if an answer from `url` to a client session does not fit its description."""

    async def hold(
        _session: aiohttp.ClientSession, _context: SimpleNamespace, ended: aiohttp.TraceRequestEndParams
    ) -> None:
        answer = ended.response
        if str(answer.url.origin()) != url or answer.status < 200:
            return
        is_json = answer.content_type in JSONS
        body = await answer.read() if is_json else b""
        hold_to_promise(answer.method, answer.url.raw_path, answer.status, answer.content_type, body)

    config = aiohttp.TraceConfig()
    config.on_request_end.append(hold)
    return config
