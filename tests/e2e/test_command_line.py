"""The command line administers a running hub; secrets come from a file or a pipe and are never printed."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from contracts import __version__
from tests.commands import CommandResult, run_command
from tests.running_hub import MERCHANT, SANDBOX_TOKEN, WEBHOOK_SECRET

if TYPE_CHECKING:
    from tests.running_hub import RunningHub

PROVIDER = "mercado_pago"
MINUTE = r"\d{4}-\d\d-\d\dT\d\d:\d\dZ"


class Shell:
    """Runs `extrato …` as a separate process."""

    def __init__(self, home: str) -> None:
        self.environment = {**os.environ, "EXTRATO_HOME": home}

    async def __call__(self, *words: str, lines: str = "", **environment: str) -> CommandResult:
        return await run_command(words, lines=lines, environment={**self.environment, **environment})

    async def does(self, *words: str, lines: str = "", **environment: str) -> str:
        said = await self(*words, lines=lines, **environment)
        assert said.code == 0, said
        assert said.errors == ""
        return said.out.strip()

    async def refuses(self, *words: str, lines: str = "", **environment: str) -> str:
        said = await self(*words, lines=lines, **environment)
        assert said.code == 1, said
        assert said.out == ""
        assert said.errors.startswith("extrato: ")
        assert said.errors.count("\n") == 1
        return said.errors


@pytest.fixture
def extrato(hub: RunningHub) -> Shell:
    return Shell(str(hub.home))


@pytest.fixture
async def slug(hub: RunningHub) -> str:
    slug = f"padaria-{uuid4().hex[:12]}"
    merchant = {"slug": slug, "name": "Padaria da Ana", "city": "Recife"}
    assert (await hub.administer("POST", "/admin/merchants", merchant))[0] == 201
    return slug


async def test_registered_merchant_sells(hub, extrato, tmp_path):
    slug = f"padaria-{uuid4().hex[:12]}"
    await extrato.does("merchant", "register", slug, "--name", "Padaria da Ana", "--city", "Recife")
    await extrato.does("merchant", "rename", slug, "--city", "Olinda")
    assert f"{slug}\tPadaria da Ana\tOlinda" in (await extrato.does("merchant", "list")).splitlines()
    await extrato.does("merchant", "pix-key", slug, "--kind", "cpf", lines="529.982.247-25\n")
    await extrato.does("merchant", "price", slug, "Pão Francês", "0,75")
    await extrato.does("merchant", "price", slug, "Bolo", "30")
    assert await extrato.does("merchant", "withdraw", slug, "Bolo") == f"{slug}: done."
    assert await extrato.does("merchant", "withdraw", slug, "Bolo") == f"{slug}: no change."
    connected = await extrato.does("merchant", "connect", slug, lines=f"{SANDBOX_TOKEN}\n{WEBHOOK_SECRET}\n")
    assert "connected to account 174087000" in connected
    assert connected.splitlines()[-1] == f"{hub.url}/webhooks/mercadopago/{slug}/"
    assert json.loads(await extrato.does("merchant", "show", slug)) == {
        "slug": slug,
        "name": "Padaria da Ana",
        "city": "Olinda",
        "pix_key": {"kind": "cpf", "key": "52998224725"},
        "providers": [{"provider": PROVIDER, "account_id": "174087000", "pix_api": "payments"}],
        "prices": {"Pão Francês": "R$ 0,75"},
    }
    api_key = await extrato.does("api-key", "issue", slug)
    bearer = {"Authorization": f"Bearer {api_key}"}
    order = {"padaria_slug": slug, "items": [{"nome": "Pão Francês", "quantidade": 2}]}
    status, link = await hub.post("/payments/api/generate-link/", order, bearer)
    assert (status, link["total"]) == (200, 1.5)
    # A shop's key cannot confirm payments.
    status, refused = await hub.post("/payments/pix/confirmation", {"bank_payment_id": "x", "value": 1}, bearer)
    assert (status, refused["code"]) == (403, "forbidden")

    token_file = tmp_path / "token"
    token_file.write_text(f"{SANDBOX_TOKEN}\n")
    rotate = ("merchant", "rotate", slug, "--access-token-file", str(token_file))
    date = (datetime.now(UTC) + timedelta(days=180)).date().isoformat()
    await extrato.does(*rotate, "--token-expires", date)
    ((ends_at,),) = await hub.rows("SELECT token_expires_at FROM credentials WHERE merchant = $1", slug)
    assert ends_at == datetime.fromisoformat(f"{date}T00:00:00+00:00")
    assert "in the future" in await extrato.refuses(*rotate, "--token-expires", "2020-05-31T12:00:00-03:00")
    assert "within ten years" in await extrato.refuses(*rotate, "--token-expires", "9999-12-31")
    assert (await extrato(*rotate, "--token-expires", "soon")).code == 2
    await extrato.does("merchant", "webhook-secret", slug, lines="another-secret\n")
    assert "not connected" in await extrato.does("merchant", "disconnect", slug)
    topics = [
        topic for topic in await hub.topics(slug, of="") if topic.startswith(("Merch", "Pix", "Prod", "Prov", "Web"))
    ]
    assert topics == [
        "MerchantRegistered.v1",
        "MerchantRenamed.v1",
        "PixKeySet.v1",
        "ProductPriced.v1",
        "ProductPriced.v1",
        "ProductWithdrawn.v1",
        "ProviderConnected.v2",
        "WebhookSecretRotated.v1",
        "ProviderDisconnected.v1",
    ]


async def test_key_is_printed_once_listed_without_secret_and_revoked(hub, extrato, slug, until):
    api_key = await extrato.does(
        "api-key", "issue", slug, "--scope", "payments:read", "--scope", "confirm", "--name", "bank of the shop"
    )
    key_id, secret = api_key.split(".")[2:]
    [line] = (await extrato.does("api-key", "list", slug)).splitlines()
    listed = re.fullmatch(rf"{key_id}\tbank of the shop\tconfirm payments:read\tissued {MINUTE}\tnot used", line)
    assert listed

    async def status() -> int:
        headers = {"Authorization": f"Bearer {api_key}"}
        async with hub.session.get(f"{hub.url}/payments/api/pending/?padaria_slug={slug}", headers=headers) as answer:
            return answer.status

    assert await status() == 200
    said = await extrato.does("api-key", "revoke", slug, key_id)
    assert secret not in said

    async def is_refused() -> bool:
        return await status() == 401

    await until(is_refused, "the key is rejected")
    assert re.fullmatch(rf"{line}\trevoked {MINUTE}", await extrato.does("api-key", "list", slug))


async def test_listed_prices_key_is_listed_as_such(extrato, slug):
    api_key = await extrato.does("api-key", "issue", slug, "--scope", "payments:write", "--listed-prices-only")
    key_id = api_key.split(".")[2]
    [line] = (await extrato.does("api-key", "list", slug)).splitlines()
    assert line.startswith(f"{key_id}\t-\tpayments:write (listed prices only)\tissued ")


async def test_hub_key_administers_until_revoked(hub, extrato, slug, until):
    key = await extrato.does("admin-key", "issue", "--name", "Prometheus")
    assert key.startswith("extrato.extrato.")
    key_id = key.split(".")[2]
    listed = (await extrato.does("admin-key", "list")).splitlines()
    assert [line for line in listed if line.startswith(f"{key_id}\tPrometheus\tadmin metrics payments:read\tissued ")]

    async def is_accepted() -> bool:
        return (await hub.administer("GET", f"/admin/merchants/{slug}", key=key))[0] == 200

    # The gateway may have cached the hub's keys for another test.
    await until(is_accepted, "the key is accepted")
    await extrato.does("admin-key", "revoke", key_id)

    async def is_refused() -> bool:
        return (await hub.administer("GET", f"/admin/merchants/{slug}", key=key))[0] == 401

    await until(is_refused, "the key is rejected")


async def test_hub_key_charges_only_for_named_merchant(hub, extrato, until):
    key = await extrato.does("admin-key", "issue", "--scope", "payments:write")
    bearer = {"Authorization": f"Bearer {key}"}

    async def needs_a_merchant() -> bool:
        status, answer = await hub.post("/payments/pix", {"value": 1}, bearer)
        return (status, answer["code"]) == (400, "missing_padaria_slug")

    await until(needs_a_merchant, "the key is accepted and needs a merchant")
    status, answer = await hub.post("/payments/pix", {"value": 1, "padaria_slug": MERCHANT}, bearer)
    assert (status, answer["payment"]["padaria_slug"]) == (201, MERCHANT)
    await extrato.does("admin-key", "revoke", key.split(".")[2])


@pytest.mark.parametrize(
    ("words", "lines", "sentence"),
    [
        (("merchant", "register", "Padaria", "--name", "a", "--city", "b"), "", "A slug has"),
        (("merchant", "register", MERCHANT, "--name", "a", "--city", "b"), "", "Another merchant has this slug."),
        (("merchant", "register", "extrato", "--name", "a", "--city", "b"), "", "This slug is reserved for the hub."),
        (("merchant", "show", "nobody"), "", "The merchant does not exist."),
        (("merchant", "price", MERCHANT, "Bolo", "1.000"), "", "'1.000' is not a price"),
        (("merchant", "price", MERCHANT, "Bolo", "0"), "", "The amount must be above zero."),
        (
            ("merchant", "withdraw", MERCHANT, "Pao Frances"),
            "",
            "product 'Pao Frances'. Did you mean 'Pão Francês'?",
        ),
        (("merchant", "withdraw", MERCHANT, "Sonho"), "", "The merchant does not sell the product 'Sonho'."),
        (("merchant", "withdraw", "nobody", "Sonho"), "", "The merchant does not exist."),
        (("merchant", "pix-key", MERCHANT, "--kind", "cpf"), "529.982.247-26\n", "check digits"),
        (("merchant", "connect", MERCHANT), "", "The access token is missing"),
        (("merchant", "connect", MERCHANT), "APP_USR-nobody-at-all\nhush\n", "does not accept"),
        (
            ("merchant", "connect", MERCHANT, "--access-token-file", "/nowhere"),
            "",
            "Cannot read the access token from /nowhere.",
        ),
        (
            ("merchant", "connect", MERCHANT, "--provider", "mercadopago"),
            f"{SANDBOX_TOKEN}\n{WEBHOOK_SECRET}\n",
            "Did you mean 'mercado_pago'?",
        ),
        (("merchant", "rotate", MERCHANT, "--provider", "MercadoPago"), "", "Did you mean 'mercado_pago'?"),
        (("merchant", "webhook-secret", MERCHANT, "--provider", "mercado"), "", "Did you mean 'mercado_pago'?"),
        (("merchant", "disconnect", MERCHANT, "--provider", "mercado-pago"), "", "Did you mean 'mercado_pago'?"),
        (("merchant", "disconnect", MERCHANT, "--provider", "stone"), "", "There is no provider 'stone'"),
        (("merchant", "connect", MERCHANT, "--provider", "stripe"), "", "There are: mercado_pago."),
        *(
            (("merchant", verb, "nobody"), lines, "The merchant does not exist.")
            for verb in ("connect", "rotate", "webhook-secret", "disconnect")
            for lines in ("", f"{SANDBOX_TOKEN}\n{WEBHOOK_SECRET}\n")
        ),
        (("api-key", "issue", "nobody"), "", "The merchant does not exist."),
        (("api-key", "issue", MERCHANT, "--name", "x" * 61), "", "An API key's name has 1 to 60"),
        (("admin-key", "issue", "--name", " "), "", "An API key's name has 1 to 60"),
        (
            ("api-key", "issue", MERCHANT, "--scope", "admin", "--listed-prices-only"),
            "",
            "A key with the scope 'admin' sets the prices",
        ),
        (("api-key", "revoke", MERCHANT, "00000000"), "", "No API key has this id."),
        (("admin-key", "revoke", "00000000"), "", "No API key has this id."),
    ],
)
async def test_rejected_command_prints_one_sentence_and_stores_nothing(hub, extrato, words, lines, sentence):
    before = await hub.count_requested_events()
    said = await extrato.refuses(*words, lines=lines)
    assert sentence in said
    for secret in lines.split():
        assert secret not in said
    assert await hub.count_requested_events() == before


async def test_command_ends_quietly_on_broken_pipe(hub, tmp_path):
    async def with_closed_output(*words: str, home: str, unbuffered: str) -> tuple[int | None, str]:
        reader, writer = os.pipe()
        os.close(reader)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.cli", *words),
            env={**os.environ, "EXTRATO_HOME": home, "PYTHONUNBUFFERED": unbuffered},
            stdout=writer,
            stderr=asyncio.subprocess.PIPE,
        )
        os.close(writer)
        _, errors = await process.communicate()
        return process.returncode, errors.decode()

    nowhere = str(tmp_path / "empty")
    ended = await asyncio.gather(
        with_closed_output("merchant", "list", home=str(hub.home), unbuffered=""),
        with_closed_output("merchant", "list", home=str(hub.home), unbuffered="1"),
        with_closed_output("--help", home=nowhere, unbuffered=""),
    )
    assert ended == [(141, "")] * 3
    # Other errors are still printed.
    code, errors = await with_closed_output("merchant", "list", home=nowhere, unbuffered="")
    assert (code, errors.startswith("extrato: No hub runs in")) == (1, True)


async def test_version_is_the_projects_and_needs_no_hub(tmp_path):
    assert await Shell(str(tmp_path / "empty")).does("--version") == f"extrato {__version__}"


async def test_connect_help_shows_defaults(tmp_path):
    said = " ".join((await Shell(str(tmp_path / "empty")).does("merchant", "connect", "--help")).split())
    assert "--provider PROVIDER the provider's name (default: mercado_pago)" in said
    assert "--pix-api {orders,payments} the API that creates a Pix (default: payments)" in said


async def test_missing_hub_error_names_the_searched_home(tmp_path):
    said = await Shell(str(tmp_path / "empty")).refuses("merchant", "list")
    assert f"No hub runs in {tmp_path / 'empty'}" in said


async def test_backup_needs_an_archive_and_restore_an_unused_home(extrato, tmp_path):
    assert "EXTRATO_ARCHIVE must name the folder" in await extrato.refuses("backup")
    assert "This home is in use" in await extrato.refuses("restore", "--from", str(tmp_path))
    assert (await extrato("restore", "--from", str(tmp_path), "--until", "yesterday")).code == 2


async def test_database_alone_suffices_but_gets_no_unknown_vault_key(hub, slug, tmp_path):
    shell = Shell(str(tmp_path / "elsewhere"))
    place = {"EXTRATO_DATABASE_URL": hub.addresses["database_url"], "EXTRATO_MERCADOPAGO_URL": hub.sandbox_url}
    await shell.does("merchant", "rename", slug, "--name", "Padaria de Longe", **place)
    lines = f"{SANDBOX_TOKEN}\n{WEBHOOK_SECRET}\n"
    assert "the vault cannot be decrypted" in await shell.refuses("merchant", "connect", slug, lines=lines, **place)
    assert not (tmp_path / "elsewhere").exists()
    assert await hub.rows("SELECT 1 FROM credentials WHERE merchant = $1", slug) == []


# --- rotation of the vault's key ------------------------------------------------------------------


@pytest.mark.xdist_group("crashes")
async def test_vault_key_rotates_while_hub_runs(harmed_hub, until):
    hub, extrato = harmed_hub, Shell(str(harmed_hub.home))
    before = await hub.link()
    sealed = await hub.rows("SELECT sealed FROM credentials UNION ALL SELECT sealed FROM hub_secrets")

    async def keep_selling() -> None:
        """Create payments meanwhile; a link needs the credential in the vault."""
        for _ in range(30):
            sold.append(await hub.link(payer_email="ana@example.com"))
            await hub.pay_as_a_person(sold[-1]["checkout_url"])

    sold: list[dict[str, Any]] = []
    said, _ = await asyncio.gather(extrato.does("vault", "rotate"), keep_selling())
    assert said.splitlines()[-1].startswith("Re-encrypted ")
    after = await hub.rows("SELECT sealed FROM credentials UNION ALL SELECT sealed FROM hub_secrets")
    assert not set(sealed) & set(after)
    keys = (hub.home / "secret.key").read_text().split()
    assert len(keys) >= 2
    assert not any(key in said for key in keys)
    assert "Re-encrypted 0 secrets." in await extrato.does("vault", "rotate", "--resume")
    assert (hub.home / "secret.key").read_text().split() == keys

    # Older payer links still open after the gateway has started again.
    old_pid = hub.kill("gateway")
    await hub.until_restarted(until, "gateway", old_pid)
    async with hub.session.get(before["secure_checkout_url"], allow_redirects=False) as answer:
        assert answer.status == 302
    await hub.link()

    # Keys of payments that were made and used meanwhile open too.
    assert {(await hub.check(each["payment_id"]))["status"] for each in sold} == {"approved"}
    async with hub.inside() as inside:
        rows = await hub.rows("SELECT payment_id, digest FROM evidence WHERE sealed_by = 'payment'")
        opened = [await inside.evidence.open(payment_id, digest) for payment_id, digest in rows]
    assert len(opened) >= len(sold)
    assert all(opened)


@pytest.mark.xdist_group("crashes")
async def test_rotated_payer_tokens_stay_valid_until_dropped(harmed_hub, until):
    hub, shell = harmed_hub, Shell(str(harmed_hub.home))
    assert "no older secret" in await shell.refuses("payer-tokens", "rotate", "--drop-old")
    old = await hub.link()
    socket = f"{hub.url}/ws?payment_id={old['payment_id']}&{old['status_check_url'].partition('?')[2]}"
    async with hub.session.ws_connect(socket) as opened:
        assert (await opened.receive_json())["type"] == "snapshot"
        assert "1 older secret" in await shell.does("payer-tokens", "rotate")
        new = await hub.link()

        async def answers():
            statuses = []
            for link in (old, new):
                async with hub.session.get(link["status_check_url"]) as answer:
                    statuses.append(answer.status)
            return statuses

        async def old_is_dropped():
            return await answers() == [401, 200]

        assert await answers() == [200, 200]
        assert len({link["status_check_url"].partition("t=")[2] for link in (old, new)}) == 2
        said = await shell.does("payer-tokens", "rotate", "--drop-old")
        assert "within seconds" in said
        await until(old_is_dropped, "the old secret is rejected")
        assert (await opened.receive_json())["reason"] == "token_ended"


async def test_environment_vault_key_rotates_once_all_processes_have_both(home, start_hub):
    old, new = (base64.b64encode(os.urandom(32)).decode() for _ in range(2))
    async with start_hub(home, EXTRATO_SECRET_KEY=old) as hub:
        shell = Shell(str(hub.home))
        link = await hub.link()
        said = await shell.refuses("vault", "rotate", EXTRATO_SECRET_KEY=old)
        assert "EXTRATO_NEW_SECRET_KEY" in said
        said = await shell.refuses("vault", "rotate", EXTRATO_SECRET_KEY=old, EXTRATO_NEW_SECRET_KEY=new)
        assert "of every process" in said
        assert new not in said
    async with start_hub(home, EXTRATO_SECRET_KEY=f"{new},{old}") as hub:
        shell = Shell(str(hub.home))
        # A process with this order still encrypts with the old key, so that a rotation would miss its secrets.
        said = await shell.refuses("vault", "rotate", EXTRATO_SECRET_KEY=f"{old},{new}", EXTRATO_NEW_SECRET_KEY=new)
        assert "put the new key first" in said
        await hub.link()
        await shell.does("vault", "rotate", EXTRATO_SECRET_KEY=f"{new},{old}", EXTRATO_NEW_SECRET_KEY=new)
        await hub.link()
    async with start_hub(home, EXTRATO_SECRET_KEY=new) as hub:
        await hub.link()
        token = link["secure_checkout_url"].partition("?")[2]
        url = f"{hub.url}/payments/mp/pay/{link['payment_id']}/?{token}"
        async with hub.session.get(url, allow_redirects=False) as answer:
            assert answer.status == 302
        assert not (hub.home / "secret.key").exists()
        for key in (old, new):
            assert key not in hub.logs()
