"""The first five minutes of the README, command by command."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import aiohttp

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def commands():
    """The `curl` commands of the section: method, address and body, in their order."""
    section = README.partition("## The first five minutes\n")[2].partition("\n## ")[0]
    for line in re.findall(r"^\$ (curl .*)$", section.replace("\\\n", " "), re.MULTILINE):
        words = shlex.split(line)
        options = {words[at]: words[at + 1] for at in range(len(words) - 1) if words[at] in {"-X", "-d"}}
        (address,) = (word for word in words if word.startswith("http://"))
        yield options.get("-X", "POST" if "-d" in options else "GET"), address, options.get("-d")


async def is_paid(hub, number):
    return (await hub.check(number))["status"] == "approved"


async def link_while_nothing_answers(hub):
    body = {"padaria_slug": "padaria-do-marcos", "items": [{"nome": "Pão Francês", "quantidade": 10}]}
    async with hub.session.post(f"{hub.url}/payments/api/generate-link/", json=body, headers=hub.headers) as answer:
        return answer.status, answer.headers["Retry-After"]


async def test_each_command_does_what_the_readme_says(hub, until):
    known = {}
    for method, written, data in commands():
        address = written.replace("http://127.0.0.1:8000", hub.url).replace("http://127.0.0.1:8001", hub.sandbox_url)
        address = address.replace("…", str(known.get("payment_id")))
        body = None if data is None else {**json.loads(data)}
        for name, value in (body or {}).items():
            body[name] = known[name] if value == "…" else value
        headers = {} if "_sandbox" in address else hub.headers
        async with aiohttp.request(method, address, json=body, headers=headers) as response:
            assert response.status in {200, 201}, (address, await response.text())
            answer = await response.json()
        known |= answer | answer.get("payment", {})
        if address.endswith("/_sandbox/pay"):
            await until(lambda number=known["payment_id"]: is_paid(hub, number), "the webhook came")
        if known.get("error_rate"):
            assert await link_while_nothing_answers(hub) == (503, "1")
        if address.endswith("/payments/pix"):
            assert answer["payment"]["bank_payment_id"]
            assert "bank_payment_id" not in answer
    assert {"events", "error_rate", "bank_payment_id"} <= known.keys()
    assert known["error_rate"] == 0


def test_a_value_to_fill_in_is_told_with_its_place_in_the_answer():
    section = " ".join(
        README.partition("## The first five minutes\n")[2].partition("\n## ")[0].replace("# ", "").split()
    )
    for name in ("external_reference", "payment_id", "payment.bank_payment_id"):
        assert f"the {name} of that answer" in section


def test_the_readme_and_the_page_of_the_sandbox_know_each_other():
    assert "(docs/sandbox.md)" in README
    assert "](../README.md#the-first-five-minutes)" in (Path(__file__).parents[2] / "docs/sandbox.md").read_text()
