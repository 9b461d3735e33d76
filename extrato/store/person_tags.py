"""The tags that find a person's payments: keyed digests of the normal forms of e-mail address, CPF, CNPJ and phone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extrato.domain.person import normal_form
from extrato.store.sealing import KeyedDigest

if TYPE_CHECKING:
    from collections.abc import Collection

    from extrato.domain.person import PersonKind


class PersonTags:
    """The tags of identifiers. The write that stores them computes them, for the same reason as it encrypts new keys.

    `repr` hides the identifiers.
    """

    __slots__ = ("_digest", "_identifiers")

    def __init__(self, digest: KeyedDigest, identifiers: Collection[tuple[PersonKind, str]]) -> None:
        self._digest = digest
        self._identifiers = identifiers

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self._identifiers)

    def compute(self) -> list[bytes]:
        """Return the tags, each once."""
        tags = [tag_of(self._digest, kind, text) for kind, text in self._identifiers]
        return list(dict.fromkeys(tags)) if len(tags) > 1 else tags


NO_TAGS: Final = PersonTags(KeyedDigest(b""), ())


def tag_of(digest: KeyedDigest, kind: PersonKind, text: str) -> bytes:
    """Return the tag of one identifier; raises no error for any text."""
    return digest.digest(f"{kind}\n{normal_form(kind, text)}".encode(errors="surrogatepass"))
