"""The frame of every page."""

from __future__ import annotations

from html import escape
from typing import Final

from aiohttp import web

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

PAGE: Final = """<!doctype html>
<html lang="pt-BR">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 1.1rem/1.5 system-ui, sans-serif; }}
body {{ max-width: 34rem; margin: 3rem auto; padding: 0 1rem; }}
img {{ max-width: 100%; background: #fff; }}
code {{ overflow-wrap: anywhere; }}
</style>
</head>
<body><main>
<h1>{title}</h1>
{content}
</main></body>
</html>
"""


def page(title: str, content: str, *, status: int = 200) -> web.Response:
    """Lay out one page; `content` is HTML."""
    text = PAGE.format(title=escape(title), content=content)
    return web.Response(text=text, content_type="text/html", charset="utf-8", status=status, headers=HEADERS)


def not_found() -> web.Response:
    """Say that there is nothing here."""
    return page("Página não encontrada", "<p>Confira o endereço.</p>", status=404)


def unavailable() -> web.Response:
    """Say that a moment later it may go well."""
    return page("Indisponível no momento", "<p>Tente novamente em alguns instantes.</p>", status=503)
