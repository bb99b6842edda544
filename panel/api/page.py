"""What the API's page shows: operations and shapes in the words of people, made from the same description."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, render_template

from panel.api.documentation import ABOUT, address_of, form_schema, openapi
from panel.api.fields import Amount, Boolean, Day, Field, Id, Integer, ListOf, Shape
from panel.api.operations import OPERATIONS, Operation

_EXAMPLES: tuple[tuple[type[Field], Any], ...] = (
    (Id, "01a206ef-743a-7472-a68e-5286ecc1ad1a"),
    (Day, "2026-11-23"),
    (Amount, "24.00"),
    (Boolean, False),
)


def add(blueprint: Blueprint) -> None:
    """Add the page to ``blueprint``; it is for everybody."""
    blueprint.add_url_rule("/docs", "docs", _docs, methods=["GET"], provide_automatic_options=False)


def _docs() -> str:
    return render_template("api/docs.html", **contents())


def contents() -> dict[str, Any]:
    """The variables of ``templates/api/docs.html``."""
    areas = sorted({operation.area for operation in OPERATIONS})
    shapes = openapi()["components"]["schemas"]
    return {
        "about": ABOUT.replace("`", "").split("\n\n"),
        "areas": [
            {"name": area, "operations": [_operation(one) for one in OPERATIONS if one.area == area]} for area in areas
        ],
        "shapes": [{"name": name, "fields": _properties(schema)} for name, schema in sorted(shapes.items())],
    }


def _operation(operation: Operation) -> dict[str, Any]:
    path = address_of(operation)
    described = openapi()["paths"][path][operation.method.lower()]
    return {
        "name": operation.name,
        "method": operation.method,
        "path": path,
        "words": " ".join((operation.handler.__doc__ or "").replace("`", "").split()),
        "needs": operation.permission,
        "staff": operation.staff,
        "fields": [_parameter(parameter) for parameter in described["parameters"]],
        "body": None if operation.body is None else _properties(operation.body.schema()),
        "example": "" if operation.body is None else _example_text(operation.body),
        "upload": operation.upload,
        "form": _properties(form_schema(operation)) if operation.form else None,
        "answers": operation.statuses,
    }


def _parameter(parameter: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": parameter["name"],
        "place": parameter["in"],
        "kind": kind_of(parameter["schema"]),
        "required": parameter["required"],
        "says": parameter.get("description", ""),
    }


def _properties(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    required = schema.get("required", ())
    return [
        {"name": name, "kind": kind_of(one), "required": name in required, "says": one.get("description", "")}
        for name, one in schema["properties"].items()
    ]


def kind_of(schema: Mapping[str, Any]) -> str:
    """What values a schema takes, in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(kind_of(one) for one in schema["anyOf"])
    if schema.get("maxLength") == 0:
        return "empty"
    if "enum" in schema:
        return "one of " + ", ".join("null" if value is None else str(value) for value in schema["enum"])
    kinds = schema.get("type", "anything")
    if "items" in schema:
        return f"list of {kind_of(schema['items'])}"
    words = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    return f"{words} ({schema['format']})" if "format" in schema else words


def _example_text(shape: Shape) -> str:
    return json.dumps(_example(shape), indent=2, ensure_ascii=False)


def _example(field: Field) -> Any:
    if isinstance(field, Shape):
        return {name: _example(one) for name, one in field.fields.items() if one.required} or {
            name: _example(one) for name, one in field.fields.items()
        }
    if isinstance(field, ListOf):
        return [_example(field.of)]
    if isinstance(field, Integer):
        return field.least or 0
    for kind, example in _EXAMPLES:
        if isinstance(field, kind):
            return example
    return (getattr(field, "choices", ()) or ("",))[0]
