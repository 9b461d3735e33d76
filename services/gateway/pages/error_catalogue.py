"""The error catalogue as a page, for developers. A problem's `type` is the address of its code on this page."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from aiohttp import web
from msgspec import Struct

from contracts.errors import SUBJECTS
from contracts.errors.document import shown_sentences
from contracts.v1.problem import LANGUAGES
from services.gateway.http.etags import etag_of, has_already
from services.gateway.pages.layout import HEADERS, head
from services.gateway.pages.markup import Html, document, tag

if TYPE_CHECKING:
    from contracts.errors.entry import Entry

ENGLISH, PORTUGUESE = LANGUAGES
TITLE: Final = "Errors"
LEAD: Final = (
    "Every error has a stable code for programs, and a sentence for people. The sign … stands for a value, such as "
    "a name, a limit or the provider's own words. A code may have several sentences; its meaning is the same."
)
# The page changes only with the version of the hub.
CACHED: Final = "public, max-age=3600"


class Catalogue(Struct, frozen=True, kw_only=True):
    """The page as it is sent, and its ETag."""

    body: bytes
    etag: str


async def show_errors(request: web.Request) -> web.Response:
    """`GET /docs/errors`: the page, or 304 for a client that has it."""
    page = catalogue()
    headers = {**HEADERS, "Cache-Control": CACHED, "ETag": f'"{page.etag}"'}
    if has_already(request, page.etag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=page.body, content_type="text/html", charset="utf-8", headers=headers)


@functools.cache
def catalogue() -> Catalogue:
    """Build the page; later calls return the same one."""
    root = tag(
        "html",
        head(TITLE, scripts=()),
        tag(
            "body",
            tag(
                "main",
                tag("h1", TITLE),
                tag("p", LEAD, class_="lead"),
                tag("nav", tag("ul", *map(_subject_link, SUBJECTS)), aria_label="Subjects"),
                *(_subject(name) for name in SUBJECTS),
                class_="card",
            ),
            class_="catalogue",
        ),
        lang=ENGLISH,
    )
    body = document(root).encode()
    return Catalogue(body=body, etag=etag_of(body))


def _subject_link(subject: str) -> Html:
    return tag("li", tag("a", subject, href=f"#{_anchor(subject)}"))


def _subject(subject: str) -> Html:
    entries = SUBJECTS[subject].items()
    return tag("section", tag("h2", subject, id=_anchor(subject)), *(_entry(code, entry) for code, entry in entries))


def _anchor(subject: str) -> str:
    """Return the anchor of a subject. A hyphen is in it, and in no code."""
    return "on-" + "".join(letter if letter.isalnum() else "-" for letter in subject.lower())


def _entry(code: str, entry: Entry) -> Html:
    return tag(
        "article",
        tag("h3", tag("code", code)),
        tag(
            "dl",
            _fact("Status", str(entry.status)),
            _fact("Cause", *_prose(entry.cause)),
            _fact("What to do", *_prose(entry.remedy)),
            _fact("Sentences", *_sentences(entry)),
            class_="facts",
        ),
        id=code,
    )


def _fact(name: str, *value: Html | str) -> Html:
    return tag("div", tag("dt", name), tag("dd", *value))


def _sentences(entry: Entry) -> list[Html]:
    """Return the paragraphs of the sentences: the English ones, then the translation that they share."""
    paragraphs = []
    for shared, portuguese in shown_sentences(entry):
        paragraphs += [tag("p", *_prose(english)) for english in shared]
        paragraphs.append(tag("p", *_prose(portuguese), lang=PORTUGUESE))
    return paragraphs


def _prose(text: str) -> list[Html | str]:
    """Return a text whose code spans are elements."""
    return [tag("code", part) if at % 2 else part for at, part in enumerate(text.split("`"))]
