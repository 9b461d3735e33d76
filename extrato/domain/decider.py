"""What a kind of stream is: a state, what happens to it, and what commands lead to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from msgspec import Struct

from contracts.events import AnyEvent

State = TypeVar("State")
Command = TypeVar("Command")


class Decider(Struct, Generic[State, Command, AnyEvent], frozen=True, kw_only=True):
    """The state before the first event, and two pure functions.

    `decide` gives the events that follow from a command, none when it changes nothing, and raises `Refused`.
    Source: Jérémie Chassaing, "Functional Event Sourcing Decider".
    """

    initial: State
    evolve: Callable[[State, AnyEvent], State]
    decide: Callable[[Command, State], list[AnyEvent]]

    def fold(self, events: Iterable[AnyEvent]) -> State:
        """Bring a whole history to the state it leads to."""
        state = self.initial
        for event in events:
            state = self.evolve(state, event)
        return state

    def decide_all(self, commands: Iterable[Command], state: State) -> tuple[State, list[AnyEvent]]:
        """Decide commands one after the other, each on what the one before led to; gives the last state too."""
        events: list[AnyEvent] = []
        for command in commands:
            for event in self.decide(command, state):
                events.append(event)
                state = self.evolve(state, event)
        return state, events
