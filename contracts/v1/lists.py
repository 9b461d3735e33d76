"""What all lists of `/v1` share: the query parameters of a page, and the fields around its rows.

A list's query is a `ListQuery` with the list's filters; its answer is a Struct with `object`, `data`, `has_more` and
`next`.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from contracts.api.request_fields import every_fault
from contracts.v1.request_fields import MerchantQuery

MAX_LIMIT: Final = 200
DEFAULT_LIMIT: Final = 50
MAX_CURSOR: Final = 500

Limit = Annotated[int, Meta(ge=1, le=MAX_LIMIT, extra=every_fault("invalid_limit"))]
Cursor = Annotated[str, Meta(min_length=1, max_length=MAX_CURSOR, extra=every_fault("invalid_cursor"))]

ListObject = Annotated[Literal["list"], Meta(description="Always `list`.")]
HasMore = Annotated[bool, Meta(description="True if the list has a next page.")]
Next = Annotated[
    str | None,
    Meta(description="The cursor of the next page: send it as `cursor`, with the same filters. Null on the last page."),
]


class ListQuery(MerchantQuery, kw_only=True, forbid_unknown_fields=True):
    """The query of a page. Rows that are added meanwhile do not move the rows of later pages."""

    limit: Annotated[Limit, Meta(description="The maximum number of rows.")] = DEFAULT_LIMIT
    cursor: Annotated[Cursor | None, Meta(description="The `next` of the page before.")] = None
