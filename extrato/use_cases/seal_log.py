"""Seals the personal data of events and evidence that older versions appended in plain text.

Each event keeps its position, id, version and times. E-mail addresses are sealed with the payment's key, digests of
evidence get the key's salt, and evidence is sealed. Sentences of refusals lose what is of the payer. A batch of events
is one transaction together with its cursor, and every step can be repeated: a killed process loses one batch, and the
next one continues there. Meanwhile the log has sealed and plain events, which all code reads.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from msgspec import Struct

from extrato.providers.mercado_pago.formats import payer_in
from extrato.providers.mercado_pago.refusal_words import payer_texts, without_texts
from extrato.store.log_sealing import Progress, SealedEvidence
from extrato.store.personal_data import EMAIL
from extrato.store.sealing import CannotOpen, is_sealed
from extrato.use_cases.old_events import DIGEST_TOPICS, PLAIN_TOPICS, REFUSALS, read_old, state_with
from extrato.values import Payer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from extrato.store.codec import LogRow
    from extrato.store.log_sealing import LogRewrite, PlainEvidence
    from extrato.store.personal_data import PersonalData
    from extrato.store.sealing import BodySeal, PaymentKey
    from extrato.use_cases.old_events import OldEvent

BATCH: Final = 1_000
DELETED_AT_ONCE: Final = 20_000

# The evidence of a batch of refusals is in memory.
REFUSALS_BATCH: Final = 200
OBSERVED: Final = "provider/payment"
FIRST_ID: Final = "00000000-0000-0000-0000-000000000000"


class SealedLog(Struct, frozen=True, kw_only=True):
    """The result, with the events that stay as they are, unreadable."""

    progress: Progress
    unreadable: Sequence[int]


class LogSealing:
    """Seals a log, step by step.

    `empty_bus` removes the events from NATS and returns the newest epoch there; the relay publishes them again.
    `report` gets the progress after each batch.
    """

    def __init__(
        self,
        rewrite: LogRewrite,
        data: PersonalData,
        *,
        empty_bus: Callable[[], Awaitable[int]],
        report: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self._rewrite = rewrite
        self._data = data
        self._empty_bus = empty_bus
        self._report = report
        self._unreadable: list[int] = []

    async def run(self) -> SealedLog:
        """Continue where the last process ended. With a sealed log, only try again to free the space."""
        # Creates the hub's secrets before the first transaction, which may fail.
        await self._data.request_digest("")
        await self._data.body_seal()
        steps = {
            "events": self._seal_events,
            "refusals": self._clean_refusals,
            "deliveries": self._seal_deliveries,
            "evidence": self._delete_plain_evidence,
            "read_models": self._request_rebuild,
            "space": self._free_space,
            "bus": self._plan_epoch,
            "epoch": self._begin_epoch,
        }
        if (progress := await self._rewrite.progress()).is_finished and progress.has_old_rows:
            await self._rewrite.free_space()
        while not (progress := await self._rewrite.progress()).is_finished:
            await steps[progress.step](progress)
            self._report(await self._rewrite.progress())
        return SealedLog(progress=progress, unreadable=self._unreadable)

    # --- events -----------------------------------------------------------------------------------

    async def _seal_events(self, progress: Progress) -> None:
        async with self._rewrite.batch():
            rows = await self._rewrite.read_events(
                int(progress.cursor or 0),
                topics=PLAIN_TOPICS,
                up_to=progress.up_to,
                older_topics=DIGEST_TOPICS,
                limit=BATCH,
            )
            if not rows:
                await self._rewrite.save("refusals")
                return
            rewritten = await self._rewrite_events([old for row in rows if (old := self._read(row))])
            await self._rewrite.save("events", str(rows[-1].id), rewritten=rewritten)

    def _read(self, row: LogRow) -> OldEvent | None:
        """Decode a row; an unreadable one stays as it is."""
        old = read_old(row)
        if old is None:
            self._unreadable.append(row.id)
        return old

    async def _rewrite_events(self, events: Sequence[OldEvent]) -> int:
        keys = await self._rewrite.keys({old.payment_id for old in events if old.payment_id and old.is_personal})
        plain = await self._rewrite.plain_evidence({old.evidence for old in events if old.evidence is not None})
        # A body with another digest than its own proves nothing; the event keeps a digest of the digest.
        plain = {digest: piece for digest, piece in plain.items() if _is_proof(piece)}
        sealed: dict[tuple[int, bytes], SealedEvidence] = {}
        tags: set[tuple[bytes, int]] = set()
        written: list[tuple[int, str, bytes]] = []
        for old in events:
            key = keys.get(old.payment_id or 0)
            piece = plain.get(old.evidence) if old.evidence is not None else None
            if key is not None:
                tags |= {(tag, key.payment_id) for tag in await self._tags(old, piece)}
                if piece is not None and (key.payment_id, piece.digest) not in sealed:
                    new = key.seal_evidence(piece.kind, piece.body)
                    row = SealedEvidence(new.digest, piece.kind, new.body, piece.first_seen_at, key.payment_id)
                    sealed[key.payment_id, piece.digest] = row
            data = await self._sealed(old, key, sealed)
            if data != old.data or old.topic != old.row.topic:
                written.append((old.row.id, old.topic, state_with(old, data)))
        await self._rewrite.write_events(written)
        await self._rewrite.write_tags(tags)
        await self._rewrite.write_evidence(sealed.values())
        return len(written)

    async def _sealed(
        self, old: OldEvent, key: PaymentKey | None, sealed: dict[tuple[int, bytes], SealedEvidence]
    ) -> dict[str, Any]:
        """Return the data of an event, sealed; without a key, because the payer was forgotten, it is removed."""
        data = dict(old.data)
        if (email := data.get(EMAIL)) is not None and not is_sealed(email):
            data[EMAIL] = key.seal(email, EMAIL) if key else None
        if old.evidence is not None:
            known = sealed.get((old.payment_id or 0, old.evidence))
            if known is not None:
                data["evidence"] = known.digest.hex()
            else:
                # The evidence is gone, but its plain SHA-256 would still tell whether a guess is right.
                data["evidence"] = key.digest(old.evidence).hex() if key else None
        if "request_digest" in data:
            data["request_digest"] = await self._data.request_digest(data["request_digest"])
        return data

    async def _tags(self, old: OldEvent, piece: PlainEvidence | None) -> list[bytes]:
        email = old.data.get(EMAIL)
        payers = [Payer(email=email)] if email and not is_sealed(email) else []
        if piece is not None and piece.kind == OBSERVED:
            payers.append(payer_in(piece.body))
        return (await self._data.tags_of(*payers)).compute()

    # --- refusals ---------------------------------------------------------------------------------

    async def _clean_refusals(self, progress: Progress) -> None:
        """Remove from the provider's sentences what evidence and kept details say of the payer."""
        async with self._rewrite.batch():
            rows = await self._rewrite.read_events(
                int(progress.cursor or 0),
                topics=(),
                up_to=progress.up_to,
                older_topics=REFUSALS,
                limit=REFUSALS_BATCH,
            )
            if not rows:
                await self._rewrite.save("deliveries")
                return
            events = [old for row in rows if (old := self._read(row))]
            texts = await self._payer_texts({old.payment_id for old in events if old.payment_id})
            written = []
            for old in events:
                reason = without_texts(old.data["reason"], texts.get(old.payment_id or 0, ()))
                if reason != old.data["reason"]:
                    written.append((old.row.id, old.topic, state_with(old, old.data | {"reason": reason})))
            await self._rewrite.write_events(written)
            await self._rewrite.save("refusals", str(rows[-1].id), rewritten=len(written))

    async def _payer_texts(self, payment_ids: Collection[int]) -> dict[int, set[str]]:
        found: dict[int, set[str]] = defaultdict(set)
        for payment_id, payer in (await self._rewrite.payers(payment_ids)).items():
            first, _, last = (payer.name or "").partition(" ")
            found[payment_id] |= set(filter(None, (payer.name, first, last, payer.cpf, payer.cnpj, payer.phone)))
        evidence = await self._rewrite.sealed_evidence(payment_ids)
        keys = await self._rewrite.keys({payment_id for payment_id, _, _ in evidence})
        for payment_id, digest, body in evidence:
            if (key := keys.get(payment_id)) is not None:
                with contextlib.suppress(CannotOpen):
                    found[payment_id] |= set(payer_texts(key.open_evidence(digest, body)))
        return found

    # --- evidence ---------------------------------------------------------------------------------

    async def _seal_deliveries(self, progress: Progress) -> None:
        """Seal the bodies of webhooks, which belong to no known payment, with the secret of the hub."""
        seal = await self._data.body_seal()
        async with self._rewrite.batch():
            found = await self._rewrite.deliveries(UUID(progress.cursor or FIRST_ID), limit=BATCH)
            digests, sealed = [], {}
            for delivery_id, plain, piece in found:
                if piece is not None and _is_proof(piece):
                    sealed[plain] = _sealed_by_hub(seal, piece)
                    digests.append((delivery_id, sealed[plain].digest))
                else:
                    digests.append((delivery_id, seal.seal_body(plain).digest))
            await self._rewrite.change_deliveries(digests)
            await self._rewrite.write_evidence(sealed.values())
            if found:
                await self._rewrite.save("deliveries", str(found[-1][0]))
            else:
                await self._rewrite.save("evidence")

    async def _delete_plain_evidence(self, _: Progress) -> None:
        """Delete plain evidence: everything that names it names its sealed copy.

        Evidence that nothing names goes too. It belongs to no payment, so that no forgetting would find it: bodies of
        webhooks whose delivery is deleted.
        """
        async with self._rewrite.batch():
            deleted = await self._rewrite.delete_plain_evidence(limit=DELETED_AT_ONCE)
            await self._rewrite.save("evidence" if deleted else "read_models")

    # --- the end ----------------------------------------------------------------------------------

    async def _request_rebuild(self, progress: Progress) -> None:
        async with self._rewrite.batch():
            if progress.rewritten:
                await self._rewrite.request_rebuild()
            await self._rewrite.save("space")

    async def _free_space(self, _: Progress) -> None:
        await self._rewrite.free_space()
        await self._rewrite.save("bus")

    async def _plan_epoch(self, progress: Progress) -> None:
        """Empty the bus; a log without changes needs no epoch."""
        if not progress.rewritten:
            await self._rewrite.save("epoch")
            return
        on_bus = await self._empty_bus()
        async with self._rewrite.batch():
            await self._rewrite.plan_epoch(max(on_bus, (await self._rewrite.identity.read()).epoch))
            await self._rewrite.save("epoch")

    async def _begin_epoch(self, progress: Progress) -> None:
        if progress.epoch is not None:
            await self._rewrite.begin_epoch(progress.epoch)
        await self._rewrite.finish()


def _is_proof(piece: PlainEvidence) -> bool:
    """Return whether a body has its digest."""
    return hashlib.sha256(piece.body).digest() == piece.digest


def _sealed_by_hub(seal: BodySeal, piece: PlainEvidence) -> SealedEvidence:
    new = seal.seal_body(piece.body)
    return SealedEvidence(new.digest, piece.kind, new.sealed, piece.first_seen_at, payment_id=None)
