"""Growing pauses between retries, with one log line for each reason rather than for each try."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extrato.backoff import Backoff
from extrato.store.unavailable import is_refusal

if TYPE_CHECKING:
    import structlog

FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 5.0


class LoggedBackoff:
    """Pauses between the tries of one task, at most `longest_pause_s`, and logs the reason.

    `reason` is the last error, None after a success. A statement that PostgreSQL rejects is logged as an error,
    because an operator may have to act. An unavailable server is logged as a warning.
    """

    def __init__(
        self,
        logger: structlog.typing.FilteringBoundLogger,
        *,
        paused_event: str,
        resumed_event: str,
        longest_pause_s: float = LONGEST_PAUSE_S,
    ) -> None:
        self._logger = logger
        self._paused_event = paused_event
        self._resumed_event = resumed_event
        self._backoff = Backoff(first_s=FIRST_PAUSE_S, longest_s=longest_pause_s)
        self.reason: str | None = None

    async def pause(self, error: Exception) -> None:
        """Wait after a failed try, longer than after the try before."""
        reason = repr(error)
        if reason != self.reason:
            self.reason = reason
            log = self._logger.error if is_refusal(error) else self._logger.warning
            log(self._paused_event, error=reason)
        await self._backoff.pause()

    def reset(self) -> None:
        """Note a success: the next pause is the first one again."""
        if self.reason is not None:
            self.reason = None
            self._backoff.reset()
            self._logger.info(self._resumed_event)
