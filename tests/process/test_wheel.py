"""The wheel is the whole program: installed elsewhere, it runs on real servers without the checkout."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import sysconfig
import zipfile
from typing import TYPE_CHECKING

import aiohttp
import pytest

from contracts import __version__
from extrato.store.migrations import CLASSES
from tests.conftest import services_url
from tests.pace import until
from tests.ports import free_port
from tests.wheel import PROGRAM, build_wheel, tracked

if TYPE_CHECKING:
    from pathlib import Path

BAKERY = {"slug": "padaria", "name": "Padaria", "city": "Recife"}
PIX_KEY = {"kind": "evp", "key": "9a1b6f0e-2f4b-4a53-8d0e-6a1f2b3c4d5e"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("dist"))


def test_wheel_has_the_tracked_files_of_the_program_and_no_others(wheel: Path):
    with zipfile.ZipFile(wheel) as opened:
        names = {name for name in opened.namelist() if ".dist-info/" not in name}
    assert names == set(tracked(*PROGRAM))
    assert wheel.name == f"extrato-{__version__}-py3-none-any.whl"


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Path:
    """The command `extrato` of a fresh environment, which has the packages of the tests beside the wheel."""
    environment = tmp_path / "environment"
    subprocess.run((sys.executable, "-m", "venv", "--without-pip", environment), check=True)
    python = environment / "bin" / "python"
    install = ("install", "--quiet", "--no-deps", "--no-index", "--no-compile", wheel)
    subprocess.run((sys.executable, "-m", "pip", "--python", python, *install), check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "tested.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment / "bin" / "extrato"


async def test_installed_wheel_runs_the_hub_outside_the_checkout(
    installed: Path, empty_database_url: str, nats_server, tmp_path: Path
):
    elsewhere, port = tmp_path / "elsewhere", free_port()
    elsewhere.mkdir()
    url = f"http://127.0.0.1:{port}"
    environment = {
        "PATH": os.environ["PATH"],
        "EXTRATO_HOME": str(tmp_path / "home"),
        "EXTRATO_DATABASE_URL": services_url(empty_database_url),
        "EXTRATO_NATS_URL": nats_server.url,
        "EXTRATO_SECRET_KEY": "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=",
        "EXTRATO_PORT": str(port),
        "EXTRATO_AUTH": "open",
        "EXTRATO_DRAIN_S": "0",
        # `check` compares its clock with this server's.
        "EXTRATO_MERCADOPAGO_URL": url,
    }

    async def run(*words: str, **more: str) -> list[str]:
        process = await asyncio.create_subprocess_exec(
            installed, *words, cwd=elsewhere, env=environment | more, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        out, errors = await process.communicate()
        assert (process.returncode, errors.decode()) == (0, ""), out.decode()
        return out.decode().splitlines()

    assert await run("--version") == [f"extrato {__version__}"]
    assert (await run("--help"))[0].startswith("usage: extrato ")
    migrated = await run("migrate", EXTRATO_MIGRATION_DATABASE_URL=empty_database_url)
    assert migrated[-1] == f"{len(CLASSES)} migrations applied."

    gateway = await asyncio.create_subprocess_exec(installed, "gateway", cwd=elsewhere, env=environment)
    try:
        async with aiohttp.ClientSession(url) as client:
            await until(lambda: is_ready(client), "the gateway is ready", within_s=20)
            for method, path, body in (
                ("POST", "/admin/merchants", BAKERY),
                ("PUT", "/admin/merchants/padaria/pix-key", PIX_KEY),
                ("POST", "/payments/pix", {"padaria_slug": "padaria", "value": 12.5}),
            ):
                async with client.request(method, path, json=body) as answer:
                    assert answer.status in {200, 201}, await answer.text()
                    created = await answer.json()
            page = created["payment_url"]
            for address in (page, "/openapi.json", "/assets/extrato.css"):
                async with client.get(address) as answer:
                    assert answer.status == 200, address
        checked = await run("check")
        assert {line.split()[0] for line in checked} <= {"ok", "warning"}, checked
    finally:
        gateway.terminate()
        assert await gateway.wait() == 0
    assert list(elsewhere.iterdir()) == []


async def is_ready(client: aiohttp.ClientSession) -> bool:
    try:
        async with client.get("/readyz") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False
