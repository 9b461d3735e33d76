"""Logos are drawn in a process that is ended after a time, and stored by their digest."""

from __future__ import annotations

import asyncio
import hashlib
import os
from io import BytesIO
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from PIL import Image

from extrato.domain.errors import Refused
from extrato.errors import Overloaded
from extrato.store.logos import KEPT, Logo, Logos
from services.gateway.workers import logos as module
from services.gateway.workers.logos import LogoDrawings

if TYPE_CHECKING:
    from pathlib import Path


def upload(width: int = 20) -> bytes:
    stream = BytesIO()
    Image.new("RGB", (width, 10), "red").save(stream, "PNG")
    return stream.getvalue()


def logo(body: bytes) -> Logo:
    return Logo(digest=hashlib.sha256(body).digest(), media_type="image/png", width=1, height=1, body=body)


@pytest.fixture
async def logos(emptied_database_url):
    async with asyncpg.create_pool(emptied_database_url, min_size=1, max_size=3) as pool:
        await pool.execute("TRUNCATE logos")
        yield Logos(pool)


# --- drawing --------------------------------------------------------------------------------------


async def test_logo_is_drawn_in_a_process():
    drawn = await LogoDrawings().draw(upload())
    assert (drawn.media_type, drawn.width, drawn.height) == ("image/png", 20, 10)
    assert drawn.digest == hashlib.sha256(drawn.body).digest()
    assert Image.open(BytesIO(drawn.body)).size == (20, 10)


@pytest.mark.parametrize(("body", "why"), [(b"<svg/>", None), (upload(800_001), "pixels")])
async def test_what_is_no_logo_is_refused(body: bytes, why: str | None):
    with pytest.raises(Refused) as refused:
        await LogoDrawings().draw(body)
    assert (refused.value.code, refused.value.facts.get("why")) == ("invalid_logo", why)


@pytest.mark.parametrize("code", ["import os; os.abort()", "bytearray(4 << 40)", "raise SystemExit(1)"])
async def test_process_that_fails_refuses_the_logo(tmp_path: Path, code: str):
    program = tmp_path / "program.py"
    program.write_text(code)
    with pytest.raises(Refused) as refused:
        await LogoDrawings(program=program).draw(upload())
    assert refused.value.code == "invalid_logo"


async def test_process_has_no_variable_of_the_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXTRATO_SECRET_KEY", "secret")
    program = tmp_path / "program.py"
    program.write_text("import os, sys; print('image/png 1 1'); print(sorted(os.environ), 'extrato' in sys.modules)")
    drawn = await LogoDrawings(program=program).draw(b"")
    assert b"EXTRATO" not in drawn.body
    assert b"False" in drawn.body


async def test_slow_process_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    program = tmp_path / "program.py"
    program.write_text("import time; time.sleep(60)")
    started: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def recording(*words: Any, **options: Any) -> asyncio.subprocess.Process:
        started.append(await start(*words, **options))
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", recording)
    drawings = LogoDrawings(program=program, within_s=1.0)
    with pytest.raises(Overloaded):
        await drawings.draw(upload())
    (process,) = started
    assert process.returncode is not None
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


async def test_too_many_waiting_logos_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MAX_WAITING", 1)
    drawings = LogoDrawings()
    first = asyncio.create_task(drawings.draw(upload()))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await drawings.draw(upload())
    assert (await first).width == 20
    assert (await drawings.draw(upload())).width == 20


# --- storing --------------------------------------------------------------------------------------


async def test_logo_is_found_by_its_digest(logos: Logos):
    await logos.keep("padaria", logo(b"one"))
    await logos.keep("padaria", logo(b"one"))
    await logos.keep("confeitaria", logo(b"one"))
    assert await logos.find(logo(b"one").digest) == logo(b"one")
    assert await logos.find(logo(b"two").digest) is None


async def test_earlier_logos_stay_until_there_are_many(logos: Logos):
    bodies = [f"{number:02}".encode() for number in range(KEPT + 3)]
    for body in bodies:
        await logos.keep("padaria", logo(body))
    await logos.keep("confeitaria", logo(b"other"))
    await logos.drop_old("padaria", current=logo(bodies[0]).digest)
    kept = [body for body in bodies if await logos.find(logo(body).digest)]
    assert kept == [bodies[0], *bodies[-KEPT:]]
    assert await logos.find(logo(b"other").digest)


async def test_all_logos_of_a_merchant_are_deleted(logos: Logos):
    for merchant in ("padaria", "confeitaria"):
        await logos.keep(merchant, logo(b"one"))
    await logos.drop_stored_before("padaria", await logos.now())
    assert await logos.find(logo(b"one").digest)
    await logos.drop_stored_before("confeitaria", await logos.now())
    assert await logos.find(logo(b"one").digest) is None


async def test_logo_that_is_stored_again_is_not_deleted(logos: Logos):
    await logos.keep("padaria", logo(b"one"))
    removal_began_at = await logos.now()
    await logos.keep("padaria", logo(b"one"))
    await logos.drop_stored_before("padaria", removal_began_at)
    assert await logos.find(logo(b"one").digest)
