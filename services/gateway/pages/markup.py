"""HTML that is always escaped: only this module turns text into markup."""

from __future__ import annotations

from html import escape
from typing import Final

from msgspec import Struct

# The void elements of HTML that the pages use.
VOID: Final = frozenset({"img", "link", "meta"})


class Html(Struct, frozen=True):
    """Escaped markup; only `tag` makes it."""

    text: str


def tag(name: str, /, *content: Html | str, **attributes: str | bool | None) -> Html:
    """Build an element; every `str` in it is escaped.

    `class_` becomes `class`, and `data_status` becomes `data-status`. True makes an attribute without a value; None and
    False leave the attribute out.
    """
    start = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Html(f"<{name}{start}>")
    inside = "".join(part.text if isinstance(part, Html) else escape(part) for part in content)
    return Html(f"<{name}{start}>{inside}</{name}>")


def document(root: Html) -> str:
    """Return the text of a whole document."""
    return f"<!doctype html>\n{root.text}\n"


def _attribute(key: str, value: str | bool | None) -> str:  # noqa: FBT001 - an HTML attribute may be boolean
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(value)}"'
