"""Pauses that grow while something refuses, and a line of the log for each reason rather than for each try."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extrato.backoff import Backoff
from extrato.store.unavailable import is_refusal

if TYPE_CHECKING:
    import structlog

FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 5.0


class Patience:
    """Waits between the tries of one work, `longest_pause_s` at most.

    `reason` is why the work waits, None when it went well last. A PostgreSQL that refuses is logged as an error,
    because it may stay so until somebody acts, and what is away as a warning.
    """

    def __init__(
        self,
        logger: structlog.typing.FilteringBoundLogger,
        *,
        waits: str,
        goes_on: str,
        longest_pause_s: float = LONGEST_PAUSE_S,
    ) -> None:
        self._logger = logger
        self._waits = waits
        self._goes_on = goes_on
        self._backoff = Backoff(first_s=FIRST_PAUSE_S, longest_s=longest_pause_s)
        self.reason: str | None = None

    async def pause(self, error: Exception) -> None:
        """Wait after a try that failed, longer than after the one before."""
        reason = repr(error)
        if reason != self.reason:
            self.reason = reason
            log = self._logger.error if is_refusal(error) else self._logger.warning
            log(self._waits, error=reason)
        await self._backoff.pause()

    def over(self) -> None:
        """Note that the work went well."""
        if self.reason is not None:
            self.reason = None
            self._backoff.reset()
            self._logger.info(self._goes_on)
