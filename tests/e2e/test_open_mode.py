"""Open mode serves this machine only, and no foreign pages in its browser."""

from __future__ import annotations

import aiohttp
import pytest

from tests.compatibility.claim import claim


@claim("errors.access")
@pytest.mark.xdist_group("open mode")
async def test_open_mode_answers_this_machine_only(keyless_hub):
    hub = keyless_hub
    url = f"{hub.url}/payments/api/pending/?padaria_slug=padaria-do-marcos"
    for headers, status in (
        ({}, 200),
        ({"Origin": "http://localhost:3000"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "[::1"}, 403),
        ({"Host": "evil.example@127.0.0.1"}, 403),
        ({"Origin": "http://["}, 403),
        ({"X-Forwarded-For": "::1, 127.0.0.1", "X-Forwarded-Host": "localhost:3000"}, 200),
        ({"X-Forwarded-For": "203.0.113.9"}, 403),
        ({"X-Forwarded-Host": "hub.example"}, 403),
        ({"Via": "1.1 proxy.example"}, 403),
        ({"CF-Connecting-IP": "127.0.0.1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:3000"}, 200),
    ):
        async with hub.session.get(url, headers=headers) as answer:
            assert answer.status == status, headers
            body = await answer.json()
            assert status == 200 or body == {
                "success": False,
                "error": "Sem chaves de API, só são atendidas páginas e programas desta máquina",
                "code": "foreign_page",
            }
    async with hub.session.post(f"{hub.url}/payments/pix", headers={"Origin": "http://evil.example"}) as answer:
        assert await answer.json() == {
            "message": "In open mode, the hub answers only pages and programs of this machine.",
            "code": "foreign_page",
        }
    for origin, status in (("http://localhost:3000", 204), ("http://evil.example", 403)):
        preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        async with hub.session.options(f"{hub.url}/payments/pix", headers=preflight) as answer:
            assert answer.status == status
            assert ("Access-Control-Allow-Methods" in answer.headers) == (status == 204)
    async with hub.session.post(f"{hub.url}/payments/pix", json={"value": 1}) as answer:
        assert answer.status == 201
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with hub.session.ws_connect(
            f"{hub.url}/ws?padaria_slug=padaria-do-marcos", headers={"Origin": "http://evil.example"}
        ):
            pass
    assert refused.value.status == 403
