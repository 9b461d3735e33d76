"""The commands of README.md and of the guides, one by one."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from extrato.health import RoleHealth, serving_health
from extrato.settings import Settings
from services.cli.demo import request_to_try
from tests.documents import ACCOUNTING, API, OPERATOR, PAGES, README, SANDBOX, SHOP, commands, section, text_of
from tests.ports import free_port

MINUTES = "The first five minutes"
SECTIONS = [
    (README, MINUTES),
    (API, "A payment in five minutes"),
    (SHOP, "Create a payment"),
    (SHOP, "Try a bad day"),
    (OPERATOR, "Merchants"),
]
# Their commands ask the health port of a role, which `make up` does not open.
HEALTH_PORT_SECTIONS = [
    ("docs/runbooks/loop-stalled.md", "Look"),
    ("docs/runbooks/versions-mixed.md", "Look"),
]


class Command(NamedTuple):
    """A documented `curl` command; `reader` is the program after its pipe, empty without one."""

    method: str
    address: str
    headers: dict[str, str]
    body: str | None
    reader: list[str]


def read(written: str) -> Command:
    words = shlex.split(written.replace("\\\n", " "))
    pipe = words.index("|") if "|" in words else len(words)
    words, reader = words[:pipe], words[pipe + 1 :]
    options = {words[at]: words[at + 1] for at in range(len(words) - 1) if words[at] in {"-X", "-d"}}
    headers = dict(words[at + 1].split(": ", 1) for at in range(len(words) - 1) if words[at] == "-H")
    (address,) = (word for word in words if word.startswith("http://"))
    return Command(options.get("-X", "POST" if "-d" in options else "GET"), address, headers, options.get("-d"), reader)


def named_in(answer):
    """Return what later commands take from an answer. A payment of `/v1` is paid by the id of its charge."""
    if answer.get("object") == "payment":
        charge = dict.fromkeys(("payment_id", "preference_id"), answer["charge_id"])
        return {"number": answer["id"], **charge, "bank_payment_id": answer["bank_payment_id"]}
    return answer | answer.get("payment", {})


async def is_paid(hub, number):
    return (await hub.check(number))["status"] == "approved"


async def link_without_provider_answer(hub):
    body = {"padaria_slug": "padaria-do-marcos", "items": [{"nome": "Pão Francês", "quantidade": 10}]}
    async with hub.session.post(f"{hub.url}/payments/api/generate-link/", json=body, headers=hub.headers) as answer:
        return answer.status, answer.headers["Retry-After"]


def shown_by(reader, answer):
    """Return what the program after the pipe prints."""
    program, *arguments = reader
    assert program in {"python3", "grep"}
    words = [sys.executable if program == "python3" else program, *arguments]
    process = subprocess.run(words, input=answer, capture_output=True, text=True, check=True)
    return process.stdout


def address_of(hub, command, known):
    """Return the address of a command at this hub, with what earlier answers named."""
    address = command.address.replace("http://127.0.0.1:8000", hub.url)
    address = address.replace("http://127.0.0.1:8001", hub.sandbox_url)
    address = address.replace("…", str(known.get("number", known.get("payment_id"))))
    return address.replace("$DAY", str(datetime.now(ZoneInfo("America/Sao_Paulo")).date()))


def headers_of(hub, command, position):
    """Return the headers of a command, with a key of this hub."""
    headers = dict(command.headers)
    if "Authorization" in headers:
        is_admins = "admin-api-key" in headers["Authorization"]
        headers["Authorization"] = f"Bearer {hub.admin_key if is_admins else hub.api_key}"
    if position and command.method == "GET":
        # A reader types more slowly than the read models follow.
        headers["Extrato-After"] = position
    return headers


@pytest.mark.parametrize(("page", "heading"), SECTIONS)
async def test_each_documented_command_works(hub, until, page, heading):
    known, position = {}, None
    for command in map(read, commands(section(page, heading), "curl")):
        address, headers = address_of(hub, command, known), headers_of(hub, command, position)
        body = None if command.body is None else {**json.loads(command.body)}
        for name, value in (body or {}).items():
            body[name] = known[name] if value == "…" else value
        async with aiohttp.request(
            command.method, address, data=None if body is None else json.dumps(body), headers=headers
        ) as response:
            text = await response.text()
            assert response.status in {200, 201}, (address, text)
            position = response.headers.get("Extrato-Position", position)
        if command.reader:
            assert shown_by(command.reader, text).count("\n") > 1
        known |= named_in(json.loads(text))
        if address.endswith("/_sandbox/pay"):
            number = known.get("number", known["payment_id"])
            await until(lambda number=number: is_paid(hub, number), "the webhook has arrived")
        if known.get("error_rate"):
            assert await link_without_provider_answer(hub) == (503, "1")
    assert known
    assert not known.get("error_rate")
    if page == README:
        assert {each["object"] for each in known["data"]} == {"event"}
        assert known["bank_payment_id"]
        assert [refund["status"] for refund in known["refunds"]] == ["made"]
    if page == API:
        assert [each["id"] for each in known["data"]] == [known["number"]]
        lines = [line for line in known["lines"] if line["payment_id"] == known["number"]]
        assert [(line["kind"], line["amount_centavos"]) for line in lines] == [("received", 4650), ("refunded", -650)]


async def test_command_that_up_prints_creates_a_payment(hub):
    settings = Settings.from_environment({"EXTRATO_PUBLIC_URL": hub.url})
    command = read(request_to_try(settings, Path("demo-api-key")))
    headers = command.headers | hub.headers
    async with hub.session.request(command.method, command.address, data=command.body, headers=headers) as answer:
        assert (answer.status, (await answer.json())["object"]) == (201, "payment")


async def test_documented_problem_is_the_answer(hub):
    (written,) = re.findall(r"```json\n(.*?)```", section(API, "Errors"), re.DOTALL)
    documented = json.loads(written)
    headers = {**hub.headers, "X-Correlation-Id": documented["correlation_id"]}
    body = {"amount": 650, "all": 1}
    async with hub.session.post(f"{hub.url}/v1/payments/15/refunds", json=body, headers=headers) as answer:
        assert await answer.json(content_type="application/problem+json") == documented


@pytest.mark.parametrize(("page", "heading"), HEALTH_PORT_SECTIONS)
async def test_each_documented_command_reads_the_health_port(page, heading):
    port, documented = free_port(), list(map(read, commands(section(page, heading), "curl")))
    with serving_health(RoleHealth(), host="127.0.0.1", port=port, role_loop=asyncio.get_running_loop()):
        for command in documented:
            address = command.address.replace("http://127.0.0.1:8080", f"http://127.0.0.1:{port}")
            async with aiohttp.request(command.method, address, headers=command.headers) as response:
                text = await response.text()
                assert response.status == 200, (address, text)
            assert not command.reader or shown_by(command.reader, text)
    assert documented


def test_every_documented_command_is_tested():
    sections = [*SECTIONS, *HEALTH_PORT_SECTIONS]
    tried = [command for page, heading in sections for command in commands(section(page, heading), "curl")]
    # tests/sandbox/test_documentation.py tests the sandbox's commands, test_accounting_guide.py the accountant's.
    written = [
        page for page in PAGES if page not in {SANDBOX, ACCOUNTING} for _ in range(text_of(page).count("$ curl "))
    ]
    assert len(tried) == len(written) > 15


def test_timeline_shows_actor_of_each_event():
    (command,) = (each for each in commands(section(README, MINUTES), "curl") if "/events " in each)
    event = {"recorded_at": "2026-01-31T12:00:00.000001Z", "type": "StatusChanged", "actor": "webhook"}
    shown = shown_by(read(command).reader, json.dumps({"data": [event]}))
    assert shown == "2026-01-31T12:00:00 StatusChanged by webhook\n"


def test_placeholder_is_documented_with_its_response_field():
    words = " ".join(section(README, MINUTES).replace("# ", "").split())
    for name in ("charge_id", "bank_payment_id"):
        assert f"the {name} of that answer" in words


def test_readme_and_sandbox_page_link_each_other():
    assert "(docs/reference/sandbox.md)" in text_of(README)
    assert "](../../README.md#the-first-five-minutes)" in text_of(SANDBOX)
