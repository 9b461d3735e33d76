"""The layout of the pages: plain HTML in Brazilian Portuguese, no JavaScript."""

from __future__ import annotations

from html import escape

from aiohttp import web

_FRAME = """<!doctype html>
<html lang="pt-BR">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/checkout/v1/style.css">
</head>
<body>
<header><p>Mercado Pago simulado: nenhum dinheiro de verdade muda de mãos.</p></header>
<main>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""
_POLICY = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'"

STYLE = """
:root { color-scheme: light dark; --accent: #0a5ea8; --line: #8a94a0; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; }
header { background: #ffe600; color: #222; padding: .25rem 1rem; text-align: center; }
header p { margin: 0; }
main { max-width: 36rem; margin: 0 auto; padding: 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .5rem .25rem; text-align: left; }
td:last-child, th:last-child { text-align: right; }
form, fieldset { display: grid; gap: .5rem; }
form { margin: 1rem 0; }
fieldset { border: 1px solid var(--line); border-radius: .5rem; }
label { display: grid; }
input { font: inherit; padding: .25rem; }
button, a.button { font: inherit; padding: .75rem 1rem; border: 2px solid var(--accent); border-radius: .5rem;
  background: var(--accent); color: #fff; text-align: center; text-decoration: none; cursor: pointer; }
button.plain, a.plain { background: none; color: inherit; }
button:focus-visible, a:focus-visible, input:focus-visible, textarea:focus-visible {
  outline: 3px solid #e8590c; outline-offset: 2px; }
img { display: block; max-width: 100%; margin: 1rem auto; background: #fff; }
textarea { width: 100%; box-sizing: border-box; font: .875rem/1.4 ui-monospace, monospace; }
"""


def page(title: str, content: str, *, status: int = 200) -> web.Response:
    """Return a whole page; `title` is text, `content` is HTML with escaped values."""
    return web.Response(
        text=_FRAME.format(title=escape(title), content=content),
        status=status,
        content_type="text/html",
        headers={
            "Content-Security-Policy": _POLICY,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
        },
    )


def brl(amount_centavos: int) -> str:
    """Write an amount the Brazilian way: `R$ 1.234,50`."""
    whole, cents = divmod(amount_centavos, 100)
    return f"R$ {whole:,}".replace(",", ".") + f",{cents:02d}"
