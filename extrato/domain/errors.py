"""The one error of the domain: a command that the rules refuse."""

from __future__ import annotations


class Refused(Exception):
    """The rules refuse a command.

    `code` is stable and for programs; `message` is a sentence for people; `about` names the thing.
    """

    def __init__(self, code: str, message: str, about: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.about = about
