"""The frame of every page, and its security headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from services.gateway.pages.assets import address_of
from services.gateway.pages.markup import Html, document, tag
from services.gateway.pages.texts import OFFLINE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'"
)
# The address of a page opens a payment: other sites, search engines and caches must not learn it.
HEADERS: Final = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), clipboard-write=(self), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}
SCRIPTS: Final = ("say.js", "countdown.js", "copy.js", "live.js")
RETRY_AFTER_S: Final = 5


def page(
    title: str,
    *content: Html,
    tone: str = "calm",
    shop: str | None = None,
    state: Mapping[str, str | None] | None = None,
    status: int = 200,
    frame_origins: Collection[str] = (),
) -> web.Response:
    """Build one page under its heading.

    `tone` is calm, good, wait or bad; `shop` is the merchant's name; `state` has the attributes of `main` that the
    scripts read. Pages of `frame_origins` may frame the page.
    """
    root = tag(
        "html",
        head(title if shop is None else f"{title} · {shop}"),
        tag(
            "body",
            tag("header", tag("p", shop, class_="shop", dir="auto")) if shop else "",
            # Outside `main`, so that it stays when the script replaces `main`.
            tag("p", OFFLINE, class_="offline") if state else "",
            tag(
                "main",
                tag("span", class_="sign", aria_hidden="true"),
                tag("h1", title, tabindex="-1"),
                *content,
                class_=f"card {tone}",
                **(state or {}),
            ),
            tag(
                "footer",
                tag("p", id="announcement", role="status", class_="unseen"),
                tag("p", "Esta página nunca pede senha nem dados de cartão."),
            ),
        ),
        lang="pt-BR",
    )
    headers = framed_by(frame_origins)
    return web.Response(text=document(root), content_type="text/html", charset="utf-8", status=status, headers=headers)


def framed_by(origins: Collection[str]) -> dict[str, str]:
    """Return the headers of a page that only pages of these origins may frame."""
    if not origins:
        return HEADERS
    policy = f"{POLICY}; frame-ancestors {' '.join(sorted(origins))}"
    # X-Frame-Options cannot name an origin, and would forbid what the policy allows.
    others = {name: value for name, value in HEADERS.items() if name != "X-Frame-Options"}
    return {**others, "Content-Security-Policy": policy}


def not_found() -> web.Response:
    """Build the page for 404; another tenant's payment gets the same one."""
    return page(
        "Página não encontrada",
        tag("p", "Confira o endereço, ou peça à loja que o envie de novo.", class_="lead"),
        status=404,
    )


def unavailable() -> web.Response:
    """Build the page for 503, with `Retry-After`."""
    sentence = (
        "Não conseguimos mostrar o pagamento agora. Se você já pagou, não pague de novo: atualize esta página em "
        "alguns instantes."
    )
    return _later("Indisponível no momento", sentence, status=503)


def too_many() -> web.Response:
    """Build the page for 429, with `Retry-After`."""
    sentence = "Aguarde alguns instantes e atualize esta página. Se você já pagou, não pague de novo."
    return _later("Muitas consultas seguidas", sentence, status=429)


def _later(title: str, sentence: str, *, status: int) -> web.Response:
    answer = page(
        title,
        tag("p", sentence, class_="lead"),
        tag("p", tag("a", "Atualizar a página", href="", class_="button"), class_="actions"),
        tone="wait",
        status=status,
    )
    answer.headers["Retry-After"] = str(RETRY_AFTER_S)
    return answer


def head(title: str, *, scripts: tuple[str, ...] = SCRIPTS) -> Html:
    """Build the head of a page."""
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="format-detection", content="telephone=no"),
        tag("title", title),
        tag("link", rel="icon", href=address_of("icon.svg"), type="image/svg+xml"),
        tag("link", rel="stylesheet", href=address_of("extrato.css")),
        *(tag("script", src=address_of(name), defer=True) for name in scripts),
    )
