"""The small parts that schemas of answers are put together from."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
ID: Schema = {"type": "string", "format": "uuid"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
DAY: Schema = {"type": "string", "format": "date"}
AMOUNT: Schema = {"type": "string", "pattern": r"^\d+\.\d{2}$"}
ANYTHING: Schema = {"type": "object"}
LINKS: Schema = {"type": "object", "properties": {"events": TEXT}, "required": ["events"]}


def one_of(names: tuple[str, ...] | list[str]) -> Schema:
    """Text that is one of ``names``."""
    return {"type": "string", "enum": list(names)}


def or_null(schema: Schema) -> Schema:
    """``schema``, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def list_of(schema: Schema) -> Schema:
    """A list of ``schema``."""
    return {"type": "array", "items": schema}


def thing(properties: Schema, *, also: Schema | None = None) -> Schema:
    """An object that always holds ``properties``, and sometimes ``also``; more may come with later releases."""
    return {"type": "object", "properties": properties | (also or {}), "required": list(properties)}


def ref(name: str) -> Schema:
    """The component ``name``."""
    return {"$ref": f"#/components/schemas/{name}"}


def page_of(name: str) -> Schema:
    """A page of a list of the component ``name``."""
    return thing(
        {
            "items": list_of(ref(name)),
            "total": WHOLE,
            "total_exact": FLAG,
            "page": WHOLE,
            "page_size": WHOLE,
            "next": or_null(TEXT),
        }
    )
