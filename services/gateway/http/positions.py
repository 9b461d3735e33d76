"""Positions of the log as `/v1` shows them: texts that a client keeps, sends back and compares only for equality."""

from __future__ import annotations

import asyncio
import base64
import binascii
import functools
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple, Protocol

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from contracts.v1.types import MAX_POSITION_LENGTH
from extrato.domain.errors import Refused
from extrato.errors import Transient
from extrato.store.log_head import read_head
from extrato.store.read_model_lag import ReadModelLag, read_model_lags
from services.gateway.single_flight import SingleFlight

if TYPE_CHECKING:
    from uuid import UUID

    import asyncpg

    from extrato.store.identity import LogIdentity

WAIT_S: Final = 2.0
# A read model of a new home is built in some seconds.
BUILT_AFTER_S: Final = 5.0
POLL_S: Final = 0.02
# A position of another hub is recognised by these bytes of its log's id.
LOG_ID_BYTES: Final = 4

# The position up to which a request's answer shows the log, where the handler knows it.
POSITION: Final = web.RequestKey("position", int)


class ReadModelBehind(Transient):
    """The read model has not reached the position in time; a retry may succeed."""

    code = "read_model_behind"


def not_built(read_model: str) -> ReadModelBehind:
    """Return the error while the projections build the read model: after the first start, or after an upgrade."""
    return ReadModelBehind(read_model, why="building", retry_after_s=BUILT_AFTER_S)


class Feed(Protocol):
    """How far this process has followed the log, and in which epoch."""

    @property
    def position(self) -> int:
        """The position up to which this process has read the log."""

    @property
    def epoch(self) -> int:
        """The epoch of `position`."""


class _Content(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    log_id: bytes
    epoch: Annotated[int, Meta(ge=0)]
    position: Annotated[int, Meta(ge=0)]


class _Appended(NamedTuple):
    """A position with its epoch: after a restore, the log may not have it."""

    epoch: int
    position: int


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Content).decode


class Positions:
    """Writes and reads positions of one log, and waits until a read model has reached one."""

    def __init__(self, pool: asyncpg.Pool, identity: LogIdentity, feed: Feed, *, log_id: UUID) -> None:
        self._pool = pool
        self._identity = identity
        self._feed = feed
        self._log_id = log_id.bytes[:LOG_ID_BYTES]
        self._lags: SingleFlight[str, ReadModelLag] = SingleFlight()
        self._appended = _Appended(epoch=-1, position=0)

    async def close(self) -> None:
        """Cancel the running queries."""
        await self._lags.close()

    def note_appended(self, position: int) -> None:
        """Note what this process has appended: the feed, which it may not follow at once, comes later."""
        self._appended = _Appended(self._feed.epoch, position)

    @property
    def newest(self) -> int:
        """The newest position that this process knows to be in the log."""
        appended = self._appended
        return max(self._feed.position, appended.position if appended.epoch == self._feed.epoch else 0)

    def text(self, position: int | None) -> str:
        """Return a position as text; None stands for the newest one that this process knows."""
        content = _Content(self._log_id, self._feed.epoch, self.newest if position is None else position)
        return base64.urlsafe_b64encode(_encode(content)).decode().rstrip("=")

    async def wait(self, text: str, *, read_model: str | None) -> int:
        """Wait until a read shows everything up to a position, and return it; None reads the log itself.

        Raises `Refused` for a text that is no position of this log, and `ReadModelBehind` after `WAIT_S`.
        """
        position = await self._position(text)
        if read_model is None:
            if position > (await read_head(self._pool)).position:
                raise Refused("position_unknown")
            return position
        lag = await self._lag(read_model)
        if position > lag.position + lag.behind:
            raise Refused("position_unknown")
        if (await self._reach(position, lag)).position < position:
            raise ReadModelBehind(read_model)
        return position

    async def wait_for_head(self, read_model: str) -> int:
        """Wait until a read shows everything in the log, and return the position of its head.

        Raises `ReadModelBehind` after `WAIT_S`, which says up to where the read model is.
        """
        lag = await self._lag(read_model)
        head = lag.position + lag.behind
        lag = await self._reach(head, lag)
        if lag.position < head:
            raise ReadModelBehind(read_model, why="books", as_of=self.text(lag.position))
        return head

    async def _reach(self, position: int, lag: ReadModelLag) -> ReadModelLag:
        """Wait until a read model has reached a position, for at most `WAIT_S`; return where it is then.

        Raises `ReadModelBehind` if it is not built then.
        """
        ends_at_s = asyncio.get_running_loop().time() + WAIT_S
        while lag.position < position and asyncio.get_running_loop().time() < ends_at_s:
            await asyncio.sleep(POLL_S)
            lag = await self._lags.run(lag.name, functools.partial(self._lag, lag.name))
        if not lag.is_built:
            raise not_built(lag.name)
        return lag

    async def _position(self, text: str) -> int:
        content = _read(text)
        if content is None or content.log_id != self._log_id:
            raise Refused("position_unknown")
        if content.epoch != self._feed.epoch:
            newest = (await self._identity.read()).epoch
            # A client can write any number, and PostgreSQL has only known epochs.
            if content.epoch > newest:
                raise Refused("position_unknown")
            if content.epoch < newest and content.position > await self._identity.last_common_since(content.epoch):
                raise Refused("position_unknown")
        return content.position

    async def _lag(self, read_model: str) -> ReadModelLag:
        (lag,) = await read_model_lags(self._pool, [read_model])
        return lag


def _read(text: str) -> _Content | None:
    if len(text) > MAX_POSITION_LENGTH or not text.isascii():
        return None
    try:
        return _decode(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, msgspec.MsgspecError):
        return None


def note_position(request: web.Request, position: int) -> None:
    """Note up to where the answer of a request shows the log; the highest of several positions counts."""
    request[POSITION] = max(position, request.get(POSITION, 0))
