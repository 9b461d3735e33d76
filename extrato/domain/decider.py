"""A decider: the state of a kind of stream, how events change it, and which events a command leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from msgspec import Struct

from contracts.events import AnyEvent

State = TypeVar("State")
Command = TypeVar("Command")


class Decider(Struct, Generic[State, Command, AnyEvent], frozen=True, kw_only=True):
    """The state before the first event, and two pure functions.

    `decide` returns the events of a command, none when it does not change the state, and raises `Refused`. Source:
    Jérémie Chassaing, "Functional Event Sourcing Decider".
    """

    initial: State
    evolve: Callable[[State, AnyEvent], State]
    decide: Callable[[Command, State], list[AnyEvent]]

    def fold(self, events: Iterable[AnyEvent]) -> State:
        """Return the state after all events of a history."""
        state = self.initial
        for event in events:
            state = self.evolve(state, event)
        return state

    def decide_all(self, commands: Iterable[Command], state: State) -> tuple[State, list[AnyEvent]]:
        """Decide commands in order, each on the state after the one before; returns the last state and all events."""
        events: list[AnyEvent] = []
        for command in commands:
            for event in self.decide(command, state):
                events.append(event)
                state = self.evolve(state, event)
        return state, events
