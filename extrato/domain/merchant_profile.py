"""What payers see of a merchant beside its name: colour, document, contact and logo.

A part of the aggregate in `merchant.py`, divided like it: state, commands, decisions.
"""

from __future__ import annotations

import re
from typing import Final, assert_never

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from contracts.events import MerchantLogoRemoved, MerchantLogoSet, MerchantProfileChanged
from extrato.domain.errors import Refused
from extrato.domain.pix_keys import InvalidPixKey, normalise

# --- state --------------------------------------------------------------------------------------

EMPTY: Final = MerchantProfileChanged(colour=None, document=None, phone=None, whatsapp=None, email=None)


class Profile(Struct, frozen=True, kw_only=True):
    """The last event about the details, and the one about the logo; None without a logo."""

    details: MerchantProfileChanged = EMPTY
    logo: MerchantLogoSet | None = None


ProfileEvent = MerchantProfileChanged | MerchantLogoSet | MerchantLogoRemoved


def evolve(profile: Profile, event: ProfileEvent) -> Profile:
    """Apply one event."""
    match event:
        case MerchantProfileChanged():
            return replace(profile, details=event)
        case MerchantLogoSet():
            return replace(profile, logo=event)
        case MerchantLogoRemoved():
            return replace(profile, logo=None)
        case _:
            assert_never(event)


# --- rules --------------------------------------------------------------------------------------

_COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
# A CNPJ has letters since 2026, so that the length tells the two apart, not the characters.
_CPF_LENGTH: Final = 11
_PUNCTUATION: Final = str.maketrans("", "", " .-/")


def colour_of(field: str, text: str) -> str:
    """Return a colour as `#rrggbb` in lower case; raises `Refused`."""
    colour = text.strip().lower()
    if not _COLOUR.fullmatch(colour):
        raise Refused("invalid_colour", field)
    return colour


def kind_of_document(document: str) -> str:
    """Return `cpf` or `cnpj`, by the length of a document in its normal form."""
    return "cpf" if len(document) == _CPF_LENGTH else "cnpj"


def document_of(field: str, text: str) -> str:
    """Return a CPF or CNPJ without its mask; raises `Refused`, which does not repeat it."""
    kind = kind_of_document(text.strip().translate(_PUNCTUATION))
    try:
        return normalise(kind, text)
    except InvalidPixKey:
        raise Refused("invalid_document", field) from None


def phone_of(field: str, text: str) -> str:
    """Return a Brazilian telephone number as `+55`, area code and number; raises `Refused`."""
    try:
        return normalise("phone", text)
    except InvalidPixKey:
        raise Refused("invalid_phone", field, why="merchant") from None


def email_of(field: str, text: str) -> str:
    """Return an e-mail address in lower case; raises `Refused`."""
    try:
        return normalise("email", text)
    except InvalidPixKey:
        raise Refused("invalid_email", field) from None


# --- commands -----------------------------------------------------------------------------------

Change = str | UnsetType | None


class ChangeProfile(Struct, frozen=True, kw_only=True):
    """Change details that payers see; None removes one, and one that is not given stays."""

    colour: Change = UNSET
    document: Change = UNSET
    phone: Change = UNSET
    whatsapp: Change = UNSET
    email: Change = UNSET


class SetLogo(Struct, frozen=True, kw_only=True):
    """Show a picture that the hub has written and stored; `digest` is the SHA-256 of its bytes in hexadecimal."""

    digest: str
    media_type: str
    width: int
    height: int


class RemoveLogo(Struct, frozen=True):
    """Show no logo."""


ProfileCommand = ChangeProfile | SetLogo | RemoveLogo

# --- decisions ----------------------------------------------------------------------------------


def decide(command: ProfileCommand, profile: Profile) -> list[ProfileEvent]:
    """Return the events of `command`; none when it does not change the state. Raises `Refused`."""
    match command:
        case ChangeProfile():
            return _change(command, profile.details)
        case SetLogo():
            event = MerchantLogoSet(
                digest=command.digest, media_type=command.media_type, width=command.width, height=command.height
            )
            return [] if profile.logo == event else [event]
        case RemoveLogo():
            return [] if profile.logo is None else [MerchantLogoRemoved()]
        case _:
            assert_never(command)


def _change(command: ChangeProfile, before: MerchantProfileChanged) -> list[ProfileEvent]:
    after = before
    if command.colour is not UNSET:
        after = replace(after, colour=None if command.colour is None else colour_of("colour", command.colour))
    if command.document is not UNSET:
        after = replace(after, document=None if command.document is None else document_of("document", command.document))
    if command.phone is not UNSET:
        after = replace(after, phone=None if command.phone is None else phone_of("phone", command.phone))
    if command.whatsapp is not UNSET:
        after = replace(after, whatsapp=None if command.whatsapp is None else phone_of("whatsapp", command.whatsapp))
    if command.email is not UNSET:
        after = replace(after, email=None if command.email is None else email_of("email", command.email))
    return [] if after == before else [after]
