"""The one way in which the command line gives up."""

from __future__ import annotations


class CannotStart(Exception):
    """The hub cannot be started; the message is one sentence for the person who tried."""
