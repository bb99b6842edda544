"""Fields of bodies and queries: their type, read strictly, and their JSON Schema.

Types only. What values are good is the actions' to say, so that it is the same on all edges; ranges and lengths given
here describe the action's rule in the documentation.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from panel.kernel.errors import Invalid

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_AMOUNT = re.compile(r"\d{1,12}(?:\.\d{1,2})?", re.ASCII)
TEXT_MOST = 10_000


@dataclass(frozen=True, kw_only=True)
class Field:
    """One value. ``required``: it must be given; ``nullable``: null is a value; ``says`` explains it to readers."""

    required: bool = False
    nullable: bool = False
    says: str = ""

    def read(self, place: str, value: Any) -> Any:
        """``value`` from JSON as Python has it. Raises Invalid for ``place``."""
        return None if value is None and self.nullable else self._typed(place, value)

    def require_bounds(self, place: str, value: Any) -> None:
        """Refuse a parameter that is longer or more than the schema says; what is in bodies, actions bound."""

    def schema(self) -> dict[str, Any]:
        """Its JSON Schema."""
        schema = self._schema()
        if self.nullable:
            schema = (
                schema | {"type": [schema["type"], "null"]}
                if "type" in schema
                else {"anyOf": [schema, {"type": "null"}]}
            )
            if "enum" in schema:
                schema["enum"] = [*schema["enum"], None]
        return schema | ({"description": self.says} if self.says else {})

    def _typed(self, place: str, value: Any) -> Any:
        raise NotImplementedError

    def _schema(self) -> dict[str, Any]:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Text(Field):
    """Text that every database can store, perhaps one of ``choices``."""

    most: int = TEXT_MOST
    choices: tuple[str, ...] = ()
    write_only: bool = False

    def _typed(self, place: str, value: Any) -> str:
        if not isinstance(value, str):
            raise Invalid("type_bad", field=place)
        if any("\ud800" <= char <= "\udfff" or char == "\0" for char in value):
            raise Invalid("text_control", field=place)
        if len(value) > TEXT_MOST:
            raise Invalid("text_long", field=place, most=self.most)
        if self.choices and value not in self.choices:
            raise Invalid("choice", field=place, choices=", ".join(self.choices))
        return value

    def require_bounds(self, place: str, value: Any) -> None:
        """As ``Field`` says. Raises Invalid."""
        if len(value) > self.most:
            raise Invalid("text_long", field=place, most=self.most)

    def _schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "string"}
        if self.choices:
            return schema | {"enum": list(self.choices)}
        if self.write_only:
            schema["writeOnly"] = True
        return schema | {"maxLength": self.most}


@dataclass(frozen=True, kw_only=True)
class Integer(Field):
    """A whole number: 0.5, true and "5" are none."""

    least: int | None = None
    most: int | None = None

    def _typed(self, place: str, value: Any) -> int:
        if type(value) is not int or abs(value) >= 2**62:
            raise Invalid("number_bad", field=place)
        return value

    def require_bounds(self, place: str, value: Any) -> None:
        """As ``Field`` says. Raises Invalid."""
        if self.least is not None and self.most is not None and not self.least <= value <= self.most:
            raise Invalid("number_range", field=place, least=self.least, most=self.most)

    def _schema(self) -> dict[str, Any]:
        bounds = {"minimum": self.least, "maximum": self.most}
        return {"type": "integer"} | {name: bound for name, bound in bounds.items() if bound is not None}


@dataclass(frozen=True, kw_only=True)
class Boolean(Field):
    """True or false."""

    def _typed(self, place: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise Invalid("type_bad", field=place)
        return value

    def _schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, kw_only=True)
class Id(Field):
    """The id of something, a UUID."""

    def _typed(self, place: str, value: Any) -> uuid.UUID:
        if not isinstance(value, str) or not _ID.fullmatch(value):
            raise Invalid("id_bad", field=place)
        return uuid.UUID(value)

    def _schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "uuid"}


@dataclass(frozen=True, kw_only=True)
class Day(Field):
    """A day as ``2026-11-23``."""

    def _typed(self, place: str, value: Any) -> date:
        if not isinstance(value, str) or not _DAY.fullmatch(value):
            raise Invalid("date_bad", field=place)
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise Invalid("date_bad", field=place) from None

    def _schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date"}


@dataclass(frozen=True, kw_only=True)
class Amount(Field):
    """A decimal number with at most two places, as text: JSON's numbers are no money."""

    def _typed(self, place: str, value: Any) -> str:
        if not isinstance(value, str) or not _AMOUNT.fullmatch(value):
            raise Invalid("money_bad", field=place)
        return value

    def _schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^\d{1,12}(\.\d{1,2})?$"}


@dataclass(frozen=True, kw_only=True)
class ListOf(Field):
    """A list of values of one kind. ``rows``: errors name the field within its row, and the row apart."""

    of: Field
    least: int = 0
    most: int = 10_000
    rows: bool = False

    def _typed(self, place: str, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Invalid("type_bad", field=place)
        if len(value) > self.most:
            raise Invalid("number_range", field=place, least=self.least, most=self.most)
        read: list[Any] = []
        errors: list[Invalid] = []
        for row, one in enumerate(value):
            try:
                read.append(self.of.read(f"{place}.{row}", one))
            except Invalid as error:
                errors += [self._within(f"{place}.{row}.", row, each) for each in error.errors]
        return read if not errors else raise_all(errors)

    def _within(self, before: str, row: int, error: Invalid) -> Invalid:
        if not self.rows or error.field is None:
            return error
        return Invalid(error.code, field=error.field.removeprefix(before), row=row, **error.params)

    def _schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.of.schema(), "minItems": self.least, "maxItems": self.most}


@dataclass(frozen=True, kw_only=True)
class Shape(Field):
    """An object with named fields; others are refused."""

    fields: Mapping[str, Field] = field(default_factory=dict)

    def _typed(self, place: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Invalid("type_bad", field=place or "body")
        dot = f"{place}." if place else ""
        errors = [Invalid("unknown_field", field=f"{dot}{name}") for name in value if name not in self.fields]
        read: dict[str, Any] = {}
        for name, one in self.fields.items():
            if name not in value:
                errors += [Invalid("required", field=f"{dot}{name}")] if one.required else []
                continue
            try:
                read[name] = one.read(f"{dot}{name}", value[name])
            except Invalid as error:
                errors += error.errors
        return read if not errors else raise_all(errors)

    def _schema(self) -> dict[str, Any]:
        required = [name for name, one in self.fields.items() if one.required]
        schema = {
            "type": "object",
            "properties": {name: one.schema() for name, one in self.fields.items()},
            "additionalProperties": False,
        }
        return schema | ({"required": required} if required else {})

    def all_optional(self) -> Shape:
        """The same with no field required: for changes."""
        return replace(self, fields={name: replace(one, required=False) for name, one in self.fields.items()})


def raise_all(errors: list[Invalid]) -> Any:
    """Raise one Invalid that holds ``errors``."""
    raise Invalid(errors[0].code, field=errors[0].field, errors=errors, **errors[0].params)
