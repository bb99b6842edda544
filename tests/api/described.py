"""Whether an answer is what the API's description promises: the part of JSON Schema that the description uses."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from panel.api.documentation import openapi

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
}
_FORMATS: dict[str, Callable[[str], object]] = {
    "uuid": uuid.UUID,
    "date-time": datetime.fromisoformat,
    "date": date.fromisoformat,
}


def faults(value: Any, schema: dict[str, Any], place: str = "") -> list[str]:
    """Say where ``value`` differs from ``schema``."""
    if "$ref" in schema:
        return faults(value, openapi()["components"]["schemas"][schema["$ref"].rpartition("/")[2]], place)
    if "anyOf" in schema:
        found = [faults(value, one, place) for one in schema["anyOf"]]
        return [] if [] in found else min(found, key=len)
    if "type" in schema and not _is(value, schema["type"]):
        return [f"{place}: {value!r} is no {schema['type']}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{place}: {value!r} is none of {schema['enum']}"]
    return [*_text_faults(value, schema, place), *_part_faults(value, schema, place)]


def answer_schema(method: str, path: str, status: int) -> dict[str, Any] | None:
    """Find the schema promised for an answer; None where it is no JSON. Raises KeyError for a status not promised."""
    operation = openapi()["paths"][path][method.lower()]
    response = operation["responses"][str(status)]
    if "$ref" in response:
        response = openapi()["components"]["responses"][response["$ref"].rpartition("/")[2]]
    schemas: list[dict[str, Any]] = [
        content["schema"] for kind, content in response.get("content", {}).items() if "json" in kind
    ]
    return schemas[0] if schemas else None


def _is(value: Any, kinds: str | list[str]) -> bool:
    if isinstance(kinds, list):
        return any(_is(value, kind) for kind in kinds)
    return type(value) is int if kinds == "integer" else isinstance(value, _TYPES[kinds])


def _text_faults(value: Any, schema: dict[str, Any], place: str) -> list[str]:
    if not isinstance(value, str):
        return []
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return [f"{place}: {value!r} does not match {schema['pattern']}"]
    try:
        _FORMATS.get(schema.get("format", ""), str)(value)
    except ValueError:
        return [f"{place}: {value!r} is no {schema['format']}"]
    return []


def _part_faults(value: Any, schema: dict[str, Any], place: str) -> list[str]:
    if isinstance(value, list) and "items" in schema:
        return [fault for row, one in enumerate(value) for fault in faults(one, schema["items"], f"{place}[{row}]")]
    if not isinstance(value, dict):
        return []
    named = schema.get("properties", {})
    missing = [f"{place}.{name} is missing" for name in schema.get("required", []) if name not in value]
    unknown = [f"{place}.{name} is not described" for name in value if named and name not in named]
    inner = [
        fault for name, one in value.items() if name in named for fault in faults(one, named[name], f"{place}.{name}")
    ]
    return missing + unknown + inner
