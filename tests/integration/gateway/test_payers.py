"""What a payer's token opens, and how many reads of the log that costs: the pipeline on a real log."""

from __future__ import annotations

import asyncio
import base64
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiohttp import test_utils, web
from msgspec.structs import replace

from contracts.envelope import Cause
from extrato.domain.payment.identifiers import bank_payment_id, stream_id
from extrato.errors import StoreUnavailable
from extrato.settings import Settings
from extrato.store.appender import StreamAppend
from extrato.store.codec import NewEvent
from extrato.store.event_log import EventLog
from extrato.store.payer_secrets import PayerSecrets
from extrato.store.vault import Vault
from extrato.store.vault_keys import FixedKeys, new_key
from extrato.use_cases.payments import load_payment
from services.gateway import access
from services.gateway.gateway import GATEWAY
from services.gateway.http.payer_tokens import PayerTokens, follow_secrets, payer_tokens
from services.gateway.http.rate_limits import RateLimiter
from services.gateway.pipeline import Route, wrap_handler
from tests.database import execute
from tests.examples import EXAMPLE_EVENTS, NOON
from tests.integration.bus.running import running
from tests.unit.gateway.test_payer_tokens import SECRET, of_older_version

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp.typedefs import Handler

    from extrato.use_cases.payments import LoadedPayment

NUMBER = 15
FAILURES = 3
ALLOWED = 20

# The pipeline stores the caller on the request under plain names, and aiohttp warns about those.
pytestmark = pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")


class CountingLog(EventLog):
    """A log that counts reads of streams."""

    read = 0

    async def read_stream(self, stream: UUID, *, after_version: int = 0) -> list:
        self.read += 1
        return await super().read_stream(stream, after_version=after_version)


async def show(request: web.Request) -> web.Response:
    """A handler of a payer's route that only loads the payment."""
    payment = await access.find_payment(request)
    return web.Response(text=payment.payment.intent.bank_payment_id)


class Payers:
    """Payments, and requests of their payers."""

    def __init__(self, log: CountingLog, client: test_utils.TestClient, gateway: SimpleNamespace) -> None:
        self.log = log
        self._client = client
        self._gateway = gateway

    async def open(self, number: int = NUMBER) -> LoadedPayment:
        """Open a payment with a new identifier."""
        identifier = bank_payment_id(number, uuid4())
        new = NewEvent(
            event_id=uuid4(),
            merchant="padaria",
            payment_id=number,
            occurred_at=NOON,
            recorded_at=NOON,
            cause=Cause(correlation_id="test", actor="operator"),
            event=replace(EXAMPLE_EVENTS[0], bank_payment_id=identifier),
        )
        await self.log.append(StreamAppend(stream_id=stream_id(number), expected_version=0, events=[new]))
        return await load_payment(self._gateway.hub, number)

    def token_of(self, payment: LoadedPayment) -> str:
        return self._gateway.tokens.make(payment)

    def begin_again_with(self, tokens: PayerTokens) -> None:
        self._gateway.tokens = tokens

    async def ask(self, token: str, number: int = NUMBER) -> tuple[int, str]:
        async with self._client.get(f"/payments/{number}", params={"t": token}) as answer:
            return answer.status, await answer.text()


@pytest.fixture
async def pool(emptied_database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(emptied_database_url, min_size=1, max_size=2) as pool:
        yield pool


@pytest.fixture
async def payers(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Payers]:
    # Budgets that earn nothing meanwhile.
    monkeypatch.setattr("extrato.token_bucket.time", SimpleNamespace(monotonic=lambda: 0.0))
    log = CountingLog(pool)
    settings = Settings.from_environment(
        {"EXTRATO_FAILURES_PER_MINUTE": str(FAILURES), "EXTRATO_CHECKS_PER_MINUTE": str(ALLOWED)}
    )
    gateway = SimpleNamespace(
        settings=settings,
        hub=SimpleNamespace(log=log, new_uuid=uuid4, now=lambda: NOON),
        rate_limiter=RateLimiter(settings),
        tokens=PayerTokens((SECRET,), cut_off=0),
    )
    route = Route(
        method="GET", path="/payments/{payment_id}", handler=show, scope="payments:read", payer=True, limit="checks"
    )
    app = web.Application()
    app[GATEWAY] = gateway
    handler: Handler = wrap_handler(route)
    app.router.add_route(route.method, route.path, handler)
    async with test_utils.TestClient(test_utils.TestServer(app)) as client:
        yield Payers(log, client, gateway)
    await log.close()


async def test_payment_is_read_once_for_token_and_handler(payers: Payers):
    payment = await payers.open()
    payers.log.read = 0
    assert await payers.ask(payers.token_of(payment)) == (200, payment.payment.intent.bank_payment_id)
    assert payers.log.read == 1


async def test_wrong_token_is_answered_like_missing_payment(payers: Payers):
    payment = await payers.open()
    wrong, missing = await payers.ask("0" * 32), await payers.ask(payers.token_of(payment), NUMBER + 1)
    assert wrong == missing
    assert wrong[0] == 401


async def test_link_before_restore_opens_no_other_payment(payers: Payers, emptied_database_url: str):
    """The payment is lost with the events after the backup, and its number is assigned again."""
    lost = await payers.open()
    tokens = [payers.token_of(lost), of_older_version(NUMBER)]
    await execute(emptied_database_url, "TRUNCATE stored_events RESTART IDENTITY")

    other = await payers.open()

    assert [(await payers.ask(token))[0] for token in tokens] == [401, 401]
    assert (await payers.ask(payers.token_of(other)))[0] == 200


async def test_older_links_open_payments_of_their_time(payers: Payers, pool: asyncpg.Pool):
    old = await payers.open()
    young = await payers.open(NUMBER + 1)
    await pool.execute("INSERT INTO payer_token_cut_off VALUES ($1)", old.opened_position)
    payers.begin_again_with(await payer_tokens(Secret(), pool))

    assert (await payers.ask(of_older_version(NUMBER)))[0] == 200
    assert (await payers.ask(payers.token_of(old)))[0] == 200
    assert (await payers.ask(of_older_version(NUMBER + 1), NUMBER + 1))[0] == 401
    assert (await payers.ask(payers.token_of(young), NUMBER + 1))[0] == 200


async def test_expiring_token_opens_until_its_expiry(payers: Payers):
    payment = await payers.open()
    tokens, in_a_second = payers._gateway.tokens, NOON + timedelta(seconds=1)
    token, ended = tokens.make_until(payment, in_a_second), tokens.make_until(payment, NOON)
    code, _, ends = token.partition("-")
    later = f"{code}-{int(ends, 16) + 3600:08x}"
    asked = [await payers.ask(each) for each in (token, ended, later, code)]
    assert [status for status, _ in asked] == [200, 401, 401, 401]


async def test_token_opens_until_its_secret_is_dropped(payers: Payers, pool: asyncpg.Pool):
    """Gateways follow a rotation without a restart, and accept each other's tokens at every step."""
    vault = Vault(pool, FixedKeys(base64.b64encode(new_key()).decode()))
    secrets, payment = PayerSecrets(pool, vault), await payers.open()
    here, there = await payer_tokens(vault, pool), await payer_tokens(vault, pool)
    payers.begin_again_with(there)
    old = here.make(payment)

    await secrets.begin()
    there.use_secrets((await secrets.read()).opening)
    assert there.make(payment) == old
    await secrets.complete()
    here.use_secrets((await secrets.read()).opening)
    new = here.make(payment)
    assert new != old
    # This gateway has not read the secrets since the new secret makes tokens.
    assert [(await payers.ask(token))[0] for token in (old, new)] == [200, 200]

    await secrets.drop_old()
    there.use_secrets((await secrets.read()).opening)
    assert [(await payers.ask(token))[0] for token in (old, new)] == [401, 200]


async def test_gateway_follows_secrets_after_database_outage(
    payers: Payers, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch, until
):
    monkeypatch.setattr("services.gateway.http.payer_tokens.READ_EVERY_S", 0.01)
    vault = Vault(pool, FixedKeys(base64.b64encode(new_key()).decode()))
    secrets, payment = PayerSecrets(pool, vault), await payers.open()
    tokens = await payer_tokens(vault, pool)
    old, looked, read = tokens.make(payment), asyncio.Event(), PayerSecrets.read

    async def away(self):
        looked.set()
        raise StoreUnavailable

    async def is_new():
        return tokens.make(payment) != old

    monkeypatch.setattr(PayerSecrets, "read", away)
    async with running(follow_secrets([tokens], vault, pool)):
        await looked.wait()
        monkeypatch.setattr(PayerSecrets, "read", read)
        await secrets.begin()
        await secrets.complete()
        await until(is_new, "the new secret makes tokens")
        assert tokens.opens(old, payment, now=NOON)


class Secret:
    """A vault with one secret."""

    async def secret(self, name: str) -> bytes:
        del name
        return SECRET


async def test_guessing_client_causes_few_reads(payers: Payers, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("services.gateway.http.rate_limits.OVERFLOW_ATTEMPTS_PER_MINUTE", 1)
    payers._gateway.rate_limiter = RateLimiter(payers._gateway.settings)
    payment = await payers.open()
    known = payers.token_of(payment)
    assert (await payers.ask(known))[0] == 200
    payers.log.read = 0

    statuses = [(await payers.ask(f"{guess:032x}"))[0] for guess in range(10)]

    assert statuses == [401] * FAILURES + [429] * (10 - FAILURES)
    # One more than the failure budget is read, by the overflow budget.
    assert payers.log.read == FAILURES + 1
    assert (await payers.ask(known))[0] == 200


async def test_limited_payer_causes_no_reads(payers: Payers):
    token = payers.token_of(await payers.open())
    assert {(await payers.ask(token))[0] for _ in range(ALLOWED)} == {200}
    payers.log.read = 0
    assert (await payers.ask(token))[0] == 429
    assert payers.log.read == 0
