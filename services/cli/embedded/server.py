"""The common part of the embedded servers: each runs as one child process."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Self

from services.cli.supervisor.child import Child

if TYPE_CHECKING:
    from types import TracebackType

    from services.cli.supervisor.child import Program


class Server(abc.ABC):
    """One private server below the hub's home; also an async context manager.

    `extrato up` passes the program of `prepare` to its supervisor. Other callers use `start` and `stop`.
    """

    _child: Child | None = None

    @property
    def pid(self) -> int:
        """The process id of the server after `start`."""
        if self._child is None:
            raise RuntimeError("This server was not started by start().")
        return self._child.pid

    @abc.abstractmethod
    async def prepare(self) -> Program:
        """Write the server's files below the home and return the program to run; raises `CannotStart`."""

    async def start(self) -> None:
        """Start the server and wait until it is ready; raises `CannotStart`."""
        self._child = await Child.start(await self.prepare())
        try:
            await self._child.become_ready()
        except BaseException:
            await self.stop()
            raise

    async def stop(self, *, grace_s: float = 5.0) -> None:
        """Stop the server, and kill it after `grace_s` seconds; data that it confirmed as written stays."""
        if self._child:
            await self._child.stop(grace_s=grace_s)
            self._child = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
