"""The errors of `/v1`: problem details (RFC 9457), with every fault of the request at once."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from contracts.v1.types import PaymentId

PROBLEM_JSON: Final = "application/problem+json"
CATALOGUE_ADDRESS: Final = "/docs/errors"
"""The address of the error catalogue on every hub; a problem's `type` is the place of its code there."""

LANGUAGES: Final = ("en", "pt-BR")
"""The languages of problems; the first one is the default."""


def problem_type(code: str) -> str:
    """Return the address of a code's entry in the error catalogue."""
    return f"{CATALOGUE_ADDRESS}#{code}"


def problem_title(code: str) -> str:
    """Return the title of a code: its words."""
    return code.replace("_", " ").capitalize()


PartOfRequest = Literal["body", "query"]


class FieldProblem(Struct, kw_only=True, rename={"part": "in"}):
    """One fault of a request: a field of its body, or a query parameter."""

    part: Annotated[PartOfRequest, Meta(description="The part of the request that has the fault.")]
    pointer: Annotated[
        str,
        Meta(
            description="The JSON pointer (RFC 6901) of the field. A query parameter is a field of an object.",
            examples=["/items/0/quantity"],
        ),
    ]
    code: Annotated[str, Meta(description="The error code of the fault.")]
    detail: Annotated[str, Meta(description="The fault in a sentence, for people.")]


class Problem(Struct, kw_only=True):
    """An error. `code` is stable and for programs; `detail` is for people, in the language of `Accept-Language`."""

    type: Annotated[
        str,
        Meta(
            description="The address of the error's entry in the error catalogue, relative to the hub.",
            extra_json_schema={"format": "uri-reference"},
        ),
    ]
    title: Annotated[str, Meta(description="The kind of the error, in English.")]
    status: Annotated[int, Meta(ge=400, le=599, description="The HTTP status of the answer.")]
    detail: Annotated[str, Meta(description="The error in a sentence, for people.")]
    code: Annotated[str, Meta(description="The error code; the error catalogue has each code's cause and remedy.")]
    correlation_id: Annotated[str, Meta(description="The id of the request in logs and events.")]
    errors: Annotated[
        list[FieldProblem],
        Meta(description="Every fault of the body and the query; empty if the error has another cause."),
    ]
    payment_id: Annotated[
        PaymentId | UnsetType,
        Meta(description="The payment that the error is about, if the request did not name it."),
    ] = UNSET
    api_key_id: Annotated[
        str | UnsetType,
        Meta(description="With `secret_shown_once`: the id of the API key that the first request issued."),
    ] = UNSET
    as_of: Annotated[
        str | UnsetType,
        Meta(
            description="With `read_model_behind` of a statement: the position up to which the books can be read, by "
            "the parameter `as_of`."
        ),
    ] = UNSET
