"""What one operation of the REST interface is."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from contracts import api
from contracts.errors import CATALOGUE
from contracts.operations.codes import codes_by_shape

Limit = Literal["creations", "checks", "confirmations", "lists"]
"""What requests are counted as: each has a bound for a key and for an address."""


class Parameter(Struct, frozen=True, kw_only=True):
    """One value in a path, a query or a header."""

    name: str
    description: str
    schema: dict[str, Any]
    is_required: bool = False


class Answer(Struct, frozen=True, kw_only=True):
    """One answer: a Struct as JSON, or anything of the media types; without a media type there is no body."""

    description: str
    body: type[Struct] | None = None
    media_types: tuple[str, ...] = ("application/json",)
    headers: tuple[str, ...] = ()


class Operation(Struct, frozen=True, kw_only=True):
    """One method of one path.

    `scope` is what an API key must allow, None is for everybody; with `payer` the token `t` of a payment is enough.
    `limit` is what its requests count as, for their key and for their address. With `cross_origin` pages of other
    origins may ask and read what is answered. A path that ends in a slash is answered without it as well; with
    `or_slash` one that has none is answered with it too.

    `codes` are the error codes of its own rules, answered in an `errors` body. `every_code` adds those that follow from
    scope, path, limit, body and headers. A page has no `errors` body: its `answers` are all there is. A body of `dict`
    is a JSON object that somebody else defines; with `may_lack_body` it is optional.
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
    headers: tuple[Parameter, ...] = ()
    body: type[Struct] | type[dict[str, Any]] | None = None
    may_lack_body: bool = False
    answers: dict[int, Answer]
    codes: tuple[str, ...] = ()
    errors: type[Struct] | None = api.MonitoringError

    @property
    def every_code(self) -> frozenset[str]:
        """The codes of all errors that it answers, its own and those that follow from its shape."""
        return frozenset((*self.codes, *codes_by_shape(self))) if self.errors else frozenset()

    @property
    def refusals(self) -> frozenset[int]:
        """The statuses of these errors."""
        return frozenset(CATALOGUE[code].status for code in self.every_code)
