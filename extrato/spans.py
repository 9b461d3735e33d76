"""The shape of a span, and the span without effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal, Protocol, Self

if TYPE_CHECKING:
    from types import TracebackType

Kind = Literal["client", "consumer", "internal", "producer", "server"]
Attributes = Mapping[str, str | int]


class Span(Protocol):
    """One step of a trace, from the beginning to the end of a `with` block.

    An exception that leaves the block makes the span an error with the code or class of the exception, never with its
    words: they may contain input.
    """

    traceparent: str

    def set(self, attributes: Attributes) -> None:
        """Set attributes. They must contain no personal data and no secrets."""

    def fail(self, error_type: str) -> None:
        """Mark the span as an error."""

    def link(self, traceparent: str) -> None:
        """Link the span to another trace; an invalid `traceparent` has no effect."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


class NoSpan:
    """The span while traces are off, or where nothing is recorded."""

    __slots__ = ()
    traceparent = ""

    def set(self, attributes: Attributes) -> None:
        """Do nothing."""

    def fail(self, error_type: str) -> None:
        """Do nothing."""

    def link(self, traceparent: str) -> None:
        """Do nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


NO_SPAN: Final[Span] = NoSpan()
