"""The shape of one operation of the REST interface."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from contracts import api
from contracts.errors import CATALOGUE
from contracts.operations.codes import codes_by_shape

Limit = Literal["creations", "checks", "confirmations", "lists"]
"""Rate limits: each limit applies to an API key and to a client's address."""


class Parameter(Struct, frozen=True, kw_only=True):
    """One value in a path, a query or a header."""

    name: str
    description: str
    schema: dict[str, Any]
    is_required: bool = False


class Answer(Struct, frozen=True, kw_only=True):
    """One answer: a Struct as JSON, or a body of one of the media types; without a media type there is no body."""

    description: str
    body: type[Struct] | None = None
    media_types: tuple[str, ...] = ("application/json",)
    headers: tuple[str, ...] = ()


class Operation(Struct, frozen=True, kw_only=True):
    """One method of one path.

    `scope` is the scope that the API key needs; with None, no key is needed. With `payer`, a payer's token `t` also
    opens the operation. `limit` is the rate limit that its requests count for. With `cross_origin`, pages of other
    origins may call it. A path that ends in a slash also works without the slash; with `or_slash`, a path without a
    slash also works with it.

    `query_by` is the Struct by which the gateway reads the query; other operations list their parameters in `query`.
    `read_model` is the read model that the operation reads, if it reads one. Operations below `/v1/` follow the
    conventions of `contracts/operations/v1/common.py`.

    `codes` are the error codes of the operation's rules, answered in an `errors` body. `every_code` adds the codes that
    follow from scope, path, limit, body and headers. A page has no `errors` body, so `answers` lists all its statuses.
    A body of `dict` is a JSON object that the provider defines; with `may_lack_body` the body is optional. `uploads`
    are the media types of a body that is no JSON.
    """

    name: str
    method: str
    path: str
    tag: str
    summary: str
    description: str = ""
    scope: str | None = None
    payer: bool = False
    limit: Limit | None = None
    cross_origin: bool = False
    or_slash: bool = False
    query: tuple[Parameter, ...] = ()
    query_by: type[Struct] | None = None
    headers: tuple[Parameter, ...] = ()
    body: type[Struct] | type[dict[str, Any]] | None = None
    may_lack_body: bool = False
    uploads: tuple[str, ...] = ()
    answers: dict[int, Answer]
    codes: tuple[str, ...] = ()
    errors: type[Struct] | None = api.MonitoringError
    read_model: str | None = None

    @property
    def is_v1(self) -> bool:
        """The operation belongs to the merchants' API."""
        return self.path.startswith("/v1/")

    def takes(self, header: str) -> bool:
        """Return whether the operation reads a header."""
        return any(each.name == header for each in self.headers)

    @property
    def every_code(self) -> frozenset[str]:
        """The codes of all errors of the operation: `codes`, and those that follow from its shape."""
        return frozenset((*self.codes, *codes_by_shape(self))) if self.errors else frozenset()

    @property
    def refusals(self) -> frozenset[int]:
        """The HTTP statuses of these errors."""
        return frozenset(CATALOGUE[code].status for code in self.every_code)
