"""The API's reference as a page: every operation with what it takes, made from the OpenAPI description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from panel.api.documentation import openapi
from panel.api.problems import CODES, STATUSES

METHODS = ("get", "post", "put", "patch", "delete")
INTRO = """A running panel shows the same at `/api/v1/docs`, where each operation can be tried; as OpenAPI 3.1 it is
`/api/v1/openapi.json`.
Sign in with `Authorization: Bearer TOKEN`. Errors are `application/problem+json` (RFC 9457)."""


def page(made: str) -> str:
    """Return the page; ``made`` is the line that says where it comes from."""
    description = openapi()
    lines = ["# The API", "", made.strip(), "", INTRO, *_errors()]
    for path, operations in sorted(description["paths"].items()):
        for method in METHODS:
            if method in operations:
                lines += _operation(method, path, operations[method])
    lines += _schemas(description["components"]["schemas"])
    return "\n".join(lines) + "\n"


def _errors() -> Iterator[str]:
    yield from ("", "## Errors", "", "| error | status | what to do |", "|---|---|---|")
    for kind, status in STATUSES.items():
        meaning = " ".join((kind.__doc__ or "").split())
        yield f"| {kind.__name__} | {status.value} {status.phrase} | {meaning.replace('|', '/')} |"
    for code, status in CODES.items():
        yield f"| code `{code}` | {status.value} {status.phrase} | Somebody changed it meanwhile: read it again. |"


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield from ("", f"## {method.upper()} {path}", "", f"{operation.get('summary', '').rstrip('.')}.")
    if words := operation.get("description"):
        yield from ("", words)
    asked = [parameter for parameter in operation.get("parameters", []) if parameter.get("in") == "query"]
    if asked:
        yield from ("", "Asks by: " + ", ".join(f"`{parameter['name']}`" for parameter in asked) + ".")
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = content.get("schema", {})
        yield from ("", f"Takes `{media}`:", "", *_fields(schema, required=set(schema.get("required", []))))


def _schemas(schemas: dict[str, Any]) -> Iterator[str]:
    for name, schema in sorted(schemas.items()):
        if schema.get("properties"):
            yield from ("", f"## {name}", "", *_fields(schema, required=set()))


def _fields(schema: dict[str, Any], required: set[str]) -> Iterator[str]:
    for name, field in schema.get("properties", {}).items():
        marks = [_kind(field), "required" if name in required else ""]
        words = field.get("description", "")
        yield f"- `{name}`: {', '.join(mark for mark in marks if mark)}{'. ' + words if words else ''}"


def _kind(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    for joiner in ("anyOf", "oneOf"):
        if joiner in field:
            return " or ".join(dict.fromkeys(_kind(part) for part in field[joiner]))
    if field.get("maxLength") == 0:
        return "empty"
    if "enum" in field:
        return "one of " + " ".join(f"`{value}`" for value in field["enum"])
    if field.get("type") == "array":
        return f"list of {_kind(field.get('items', {}))}"
    kind = field.get("type", "any")
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    limits = [f"{sign} {field[key]}" for key, sign in (("minimum", "≥"), ("maximum", "≤")) if key in field]
    return " ".join([words, *([f"({field['format']})"] if "format" in field else []), *limits])
