"""Reads the properties of a request to the Orders API, and collects all problems instead of stopping at the first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from services.sandbox.state.clock import NotADuration, parse_duration

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from services.sandbox.api.order_errors import Problems

# The names of JSON types in error messages.
_KINDS: dict[type, str] = {str: "string", dict: "object", list: "array"}
_AMOUNT = re.compile(r"(\d{1,9})(?:\.(\d{1,2}))?", re.ASCII)


class Properties:
    """An object of the request at a path such as `$.payer`.

    A wrong property reads as an empty value, so that reading can continue. An absent object has only that one problem,
    not one for each of its properties.
    """

    def __init__(self, value: dict[str, Any] | None, *, path: str, known: AbstractSet[str], problems: Problems) -> None:
        """Take the object, and add a problem for each unknown property."""
        self._value = value
        self._path = path
        self._problems = problems
        for name in sorted((value or {}).keys() - known):
            problems.add("unsupported_properties", f"additionalProperties '{path}.{name}' not allowed")

    def text(self, name: str, *, required: bool = False, max_length: int = 256) -> str:
        """Read a string, empty when it is absent."""
        value = self._read(name, str, required=required)
        if value is None:
            return ""
        if not 0 < len(value) <= max_length:
            self.refuse(name, f"the length must be between 1 and {max_length}")
        return str(value)

    def one_of(self, name: str, *values: str, required: bool = False) -> None:
        """Check that a string is one of `values`."""
        value = self.text(name, required=required)
        if value and value not in values:
            self.refuse(name, f"value must be {' or '.join(values)}")

    def amount_centavos(self, name: str) -> int:
        """Read a required amount: a string in reais above zero, with at most two decimals."""
        text = self.text(name, required=True)
        match = _AMOUNT.fullmatch(text)
        if match is not None:
            centavos = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
            if centavos > 0:
                return centavos
        if text:
            self.refuse(name, "invalid amount")
        return 0

    def duration_ms(self, name: str) -> int | None:
        """Read an ISO 8601 duration."""
        text = self.text(name)
        try:
            return parse_duration(text) if text else None
        except NotADuration:
            self.refuse(name, "invalid duration")
            return None

    def part(self, name: str, known: AbstractSet[str], *, required: bool = True) -> Properties:
        """Read an object with at least one property."""
        value = self._read(name, dict, required=required)
        path = f"{self._path}.{name}"
        if value is not None and not value:
            self._problems.add("minimum_properties", f"'{path}' - minimum 1 properties allowed")
            value = None
        return Properties(value, path=path, known=known, problems=self._problems)

    def only_item(self, name: str, known: AbstractSet[str]) -> Properties:
        """Read the only object of a list."""
        items = self._read(name, list, required=True)
        path = f"{self._path}.{name}"
        item = items[0] if items else None
        if items is not None and not items:
            self._problems.add("minimum_items", f"'{path}' - minimum 1 items allowed")
        if items is not None and len(items) > 1:
            self._problems.add("exceeded_number_of_transactions")
        if item is not None and not isinstance(item, dict):
            self._problems.add("property_type", f"'{path}[0]' - expected object")
            item = None
        return Properties(item, path=f"{path}[0]", known=known, problems=self._problems)

    def raw(self, name: str) -> Any:
        """Return a property without a check."""
        return (self._value or {}).get(name)

    def refuse(self, name: str, why: str) -> None:
        """Add a problem with the value of a property."""
        self._problems.add("property_value", f"'{self._path}.{name}' - {why}")

    def _read(self, name: str, kind: type, *, required: bool) -> Any:
        if self._value is None:
            return None
        value = self._value.get(name)
        if value is None:
            if required:
                self._problems.add("required_properties", f"missing properties: '{self._path}.{name}'")
            return None
        if not isinstance(value, kind):
            self._problems.add("property_type", f"'{self._path}.{name}' - expected {_KINDS[kind]}")
            return None
        return value
