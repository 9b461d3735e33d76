"""HTML that is escaped by construction: a text stays a text, and only this module makes markup of one."""

from __future__ import annotations

from html import escape
from typing import Final

from msgspec import Struct

# Elements of HTML that have no content and no end tag, as far as the pages use them.
VOID: Final = frozenset({"img", "link", "meta"})


class Html(Struct, frozen=True):
    """Markup that may be sent as it is; `tag` makes it, and nobody else."""

    text: str


def tag(name: str, /, *content: Html | str, **attributes: str | bool | None) -> Html:
    """Make an element. A `str` in it is escaped, whatever it holds.

    `class_` is written `class`, `data_status` is `data-status`; True is an attribute without a value, and one
    that is None or False is left out.
    """
    start = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Html(f"<{name}{start}>")
    inside = "".join(part.text if isinstance(part, Html) else escape(part) for part in content)
    return Html(f"<{name}{start}>{inside}</{name}>")


def document(root: Html) -> str:
    """Give the text of a whole document."""
    return f"<!doctype html>\n{root.text}\n"


def _attribute(key: str, value: str | bool | None) -> str:  # noqa: FBT001 - HTML's own way of switching a thing on
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(value)}"'
