"""Random histories of unusual money: at the end the hub's amounts equal those of the provider's own records.

A failure prints the seed of its history. EXTRATO_STORIES sets the number of seeds.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from extrato.domain import merchant as merchant_domain
from extrato.domain.errors import Refused
from extrato.domain.payment.commands import AcceptMoney, RecordReturn
from extrato.domain.payment.ledger import NOTHING
from extrato.domain.payment.state import Charged
from extrato.domain.sweep_lanes import FAST
from extrato.errors import ExtratoError, ProviderUnavailable
from extrato.providers.port import Providers
from extrato.use_cases.cancel_payment import cancel_payment, complete_cancellation
from extrato.use_cases.change_merchant import change_merchant
from extrato.use_cases.confirm_payment import Transfer, confirm_payment
from extrato.use_cases.expire_payment import expire_payment
from extrato.use_cases.payments import change_payment, load_payment
from extrato.use_cases.record_return import record_return
from extrato.use_cases.refresh_payment import refresh_payment
from extrato.use_cases.refund_payment import RefundWish, complete_refund, refund_payment
from services.gateway.pages.payer_state import MAY_PAY, payer_state_of
from tests.integration.monitor.conftest import CAUSE, Faulty

if TYPE_CHECKING:
    from collections.abc import Callable

    from extrato.use_cases.hub import Hub
    from extrato.use_cases.payments import LoadedPayment
    from tests.integration.monitor.conftest import World

ACCOUNT = "padaria.mercado_pago"
STORIES = int(os.environ.get("EXTRATO_STORIES", "6"))
STEPS = 14
AMOUNT = 3500


@pytest.fixture
def nats_server(nats_url: str) -> SimpleNamespace:
    """These tests set no timers, so the session's server is enough."""
    return SimpleNamespace(url=nats_url)


class Crash(Exception):
    """The process crashes here."""


class Crashing:
    """A log whose next append crashes, before or after the write."""

    def __init__(self, log: Any, *, is_after: bool) -> None:
        self._log = log
        self._is_after = is_after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def append(self, *appends: Any, **more: Any) -> Any:
        if self._is_after:
            await self._log.append(*appends, **more)
        raise Crash


class RandomHistory:
    """One payment link with random steps; the hub may crash at each of them."""

    def __init__(self, world: World, loaded: LoadedPayment, chance: random.Random) -> None:
        self.world = world
        self.loaded = loaded
        self.chance = chance
        self.steps_taken: list[str] = []

    @property
    def number(self) -> int:
        return self.loaded.payment_id

    def hub(self) -> Hub:
        """Return the hub, or one that crashes at its next append or loses the answer of a refund."""
        hub, fate = self.world.hub, self.chance.random()
        if fate < 0.2:
            return dataclasses.replace(hub, log=Crashing(hub.log, is_after=fate < 0.1))
        if fate < 0.3:
            real = hub.providers.remote["mercado_pago"]

            async def lose(*asked: Any) -> None:
                await real.refund_attempt(*asked)
                raise ProviderUnavailable(words="The line broke.")

            return dataclasses.replace(hub, providers=Providers.of(remote=[Faulty(real, refund_attempt=lose)]))
        return hub

    async def rows(self) -> dict[str, Any]:
        reference = self.loaded.payment.intent.external_reference
        return await self.world.sandbox.control("GET", f"money?external_reference={reference}")

    async def any_row(self) -> dict[str, Any] | None:
        rows = (await self.rows())["payments"]
        return self.chance.choice(rows) if rows else None

    async def control(self, path: str, body: dict[str, Any]) -> None:
        """Change something at the provider; a rejected change has no effect."""
        with contextlib.suppress(AssertionError):
            await self.world.sandbox.control("POST", path, body)

    # --- steps ---

    async def pay(self) -> None:
        payment = self.loaded.payment
        assert isinstance(payment, Charged)
        reais = self.chance.choice([35, 35, 20, 15, 34.99, 35.01, 70, 0.01])
        order = {
            "preference_id": payment.charge.charge_id,
            "new_attempt": True,
            "outcome": self.chance.choice(["approved", "approved", "approved", "pending", "rejected"]),
            "amount": reais,
            "currency_id": self.chance.choice(["BRL"] * 5 + ["ARS"]),
        }
        await self.control("pay", order)

    async def force_status(self) -> None:
        row = await self.any_row()
        if row is not None:
            outcome, detail = self.chance.choice(
                [
                    ("in_mediation", None),
                    ("approved", None),
                    ("charged_back", None),
                    ("charged_back", "settled"),
                    ("charged_back", "reimbursed"),
                    ("cancelled", None),
                    ("rejected", None),
                    ("pending", None),
                    ("under_investigation", None),
                ]
            )
            order = {"payment_id": row["payment_id"], "outcome": outcome, "force": True}
            await self.control("pay", order | ({"detail": detail} if detail else {}))

    async def refund_in_panel(self) -> None:
        row = await self.any_row()
        if row is not None:
            order: dict[str, Any] = {"payment_id": row["payment_id"], "outcome": "refunded"}
            await self.control("pay", order | self.chance.choice([{}, {"amount": 5}, {"amount": 10}]))

    async def toggle_refunds_in_process(self) -> None:
        await self.world.sandbox.faults(refunds_in_process=self.chance.random() < 0.5)

    async def end_a_refund(self) -> None:
        payment = (await load_payment(self.world.hub, self.number)).payment
        names = [each.provider_refund_id for each in payment.refunds.values() if each.provider_refund_id]
        if names:
            status = self.chance.choice(["approved", "rejected", "cancelled"])
            await self.control(f"refunds/{self.chance.choice(names)}", {"status": status})

    async def refund(self) -> None:
        amount = self.chance.choice([None, 500, 1000, 1500])
        row = await self.any_row()
        attempt = row["payment_id"] if row and self.chance.random() < 0.6 else None
        wish = RefundWish(wish_id=f"w{self.chance.randrange(6)}", amount_centavos=amount, attempt_id=attempt)
        await refund_payment(self.hub(), self.number, wish, cause=CAUSE)

    async def complete(self) -> None:
        payment = (await load_payment(self.world.hub, self.number)).payment
        for name in payment.ledger.open_refunds:
            with contextlib.suppress(ExtratoError):
                await complete_refund(self.hub(), self.number, name, cause=CAUSE)
        if payment.cancellation == "requested":
            await complete_cancellation(self.hub(), self.number, cause=CAUSE)

    async def refresh(self) -> None:
        await refresh_payment(self.hub(), self.number, cause=CAUSE)

    async def sweep(self) -> None:
        await self.world.sweeps().run_once(FAST, ACCOUNT)

    async def cancel(self) -> None:
        await cancel_payment(self.hub(), self.number, cause=CAUSE)

    async def expire(self) -> None:
        late = self.world.hub.now() + timedelta(hours=2)
        await expire_payment(dataclasses.replace(self.hub(), now=lambda: late), self.number, cause=CAUSE)

    async def accept(self) -> None:
        await change_payment(self.hub(), self.number, [AcceptMoney()], cause=CAUSE)

    async def run(self) -> None:
        """Take random steps, and ignore rejections, lost answers and crashes."""
        steps: list[tuple[int, Callable[[], Any]]] = [
            (6, self.pay),
            (2, self.force_status),
            (2, self.refund_in_panel),
            (1, self.toggle_refunds_in_process),
            (2, self.end_a_refund),
            (4, self.refund),
            (2, self.complete),
            (3, self.refresh),
            (1, self.sweep),
            (1, self.cancel),
            (1, self.expire),
            (1, self.accept),
        ]
        weights = [weight for weight, _ in steps]
        for _ in range(STEPS):
            [step] = self.chance.choices([step for _, step in steps], weights)
            self.steps_taken.append(step.__name__)
            with contextlib.suppress(Crash, Refused, ExtratoError):
                await step()

    async def settle(self) -> None:
        """Complete open requests, as the monitor does, without faults."""
        await self.world.sandbox.faults(refunds_in_process=False)
        for _ in range(2):
            payment = (await load_payment(self.world.hub, self.number)).payment
            for refund in payment.ledger.open_refunds.values():
                if refund.provider_refund_id:
                    await self.control(f"refunds/{refund.provider_refund_id}", {"status": "approved"})
            for name in payment.ledger.open_refunds:
                with contextlib.suppress(ExtratoError):
                    await complete_refund(self.world.hub, self.number, name, cause=CAUSE)
        await refresh_payment(self.world.hub, self.number, cause=CAUSE)


@pytest.mark.parametrize("seed", range(STORIES))
async def test_hub_and_provider_agree_after_any_story(world: World, seed: int):
    for number in range(4):
        history = RandomHistory(world, await world.open(), random.Random(f"{seed}/{number}"))
        await history.run()
        await history.settle()
        payment = (await load_payment(world.hub, history.number)).payment
        ledger, rows = payment.ledger, await history.rows()
        shares = {
            each["payment_id"]: (
                each["currency"],
                each["held_centavos"],
                each["refunded_centavos"],
                each["disputed_centavos"],
                each["lost_centavos"],
            )
            for each in rows["payments"]
        }
        ours = {
            name: (each.currency, share.held, share.refunded, share.disputed, share.lost)
            for name, each in ledger.attempts.items()
            for share in (ledger.share(name),)
        }
        assert ours == shares, (seed, number, history.steps_taken)
        if ledger.held_by:
            for hours in (0, 2):
                now = world.hub.now() + timedelta(hours=hours)
                assert payer_state_of(payment, now) not in MAY_PAY, (seed, number, history.steps_taken)


@pytest.mark.parametrize("seed", range(STORIES))
async def test_direct_pix_holds_received_minus_returned_after_any_story(world: World, seed: int):
    chance = random.Random(seed)
    hub, loaded = world.hub, await _direct_pix(world)
    came: dict[str, int] = {}
    went: dict[str, tuple[str, int]] = {}
    now = hub.now()
    for _ in range(STEPS):
        number = chance.randrange(4)
        name = f"E{number:031d}"
        late = dataclasses.replace(hub, now=lambda: now + timedelta(hours=chance.choice([0, 0, 2])))
        with contextlib.suppress(Refused, ExtratoError, Crash):
            match chance.randrange(6):
                case 0 | 1 | 2:
                    amount = came.get(name) or chance.choice([AMOUNT, 2000, 1500, 3501])
                    transfer = Transfer(
                        bank_payment_id=loaded.payment.intent.bank_payment_id,
                        amount_centavos=amount,
                        end_to_end_id=name,
                        paid_at=None,
                        raw=b"{}",
                    )
                    await confirm_payment(late, transfer, merchant=None, grace=timedelta(minutes=2), cause=CAUSE)
                    came[name] = amount
                case 3:
                    return_id = f"D{chance.randrange(3)}"
                    given = went.get(return_id) or (name, chance.choice([500, 1500, AMOUNT]))
                    command = RecordReturn(
                        return_id=return_id, end_to_end_id=given[0], amount_centavos=given[1], returned_at=now
                    )
                    await record_return(hub, loaded.payment_id, command, cause=CAUSE)
                    went[return_id] = given
                case 4:
                    await change_payment(hub, loaded.payment_id, [AcceptMoney()], cause=CAUSE)
                case 5:
                    await chance.choice([cancel_payment, expire_payment])(late, loaded.payment_id, cause=CAUSE)
    payment = (await load_payment(hub, loaded.payment_id)).payment
    back = {name: sum(amount for of, amount in went.values() if of == name) for name in came}
    assert {name: payment.ledger.share(name).held for name in came} == {
        name: amount - back[name] for name, amount in came.items()
    }
    assert payment.ledger.total.refunded == sum(back.values())
    if payment.ledger.total != NOTHING and payment.ledger.held_by:
        assert payer_state_of(payment, now) not in MAY_PAY


async def _direct_pix(world: World) -> LoadedPayment:
    key = merchant_domain.SetPixKey(kind="evp", key="123e4567-e12b-12d1-a456-426655440000")
    await change_merchant(world.hub, "padaria", [key], cause=CAUSE)
    return await world.open(provider="pix", method="pix")
