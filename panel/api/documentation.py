"""The API's description by OpenAPI 3.1, made from the registry."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from flask import Blueprint, Response

from panel.api.examples import EXAMPLES
from panel.api.fields import Field
from panel.api.operations import OPERATIONS, Operation
from panel.api.schemas import COMPONENTS, ref

_PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
_KINDS = {
    "uuid": {"type": "string", "format": "uuid"},
    "int": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
    "": {"type": "string", "minLength": 1},
}
"""How a part of an address is read → its schema."""

_PROBLEMS = {
    400: "not understood",
    401: "no good token",
    403: "not allowed",
    404: "absent, or not yours to see",
    409: "something else holds its place",
    412: "changed in the meantime",
    413: "too large",
    415: "another media type is expected",
    422: "invalid values",
    429: "too many requests",
    503: "not available now, like while the database is locked or away",
}
ABOUT = """Everything the panel can do, for programs. Errors are problem documents (RFC 9457) with a stable `code` and,
in `errors`, every field at fault. Writes take `Idempotency-Key` (POST) and `If-Match`; those that say so take
`Prefer: wait=SECONDS` and hold the answer until the change was seen working. Texts follow `Accept-Language`."""


def add(blueprint: Blueprint) -> None:
    """Add the description to ``blueprint``; it is for everybody."""
    blueprint.add_url_rule(
        "/openapi.json", "description", _description, methods=["GET"], provide_automatic_options=False
    )


def _description() -> Response:
    return Response(json.dumps(openapi(), ensure_ascii=False), content_type="application/json")


@cache
def openapi() -> dict[str, Any]:
    """The whole description."""
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(address_of(operation), {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "CIS Panel", "version": "1", "description": ABOUT},
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "tags": [{"name": name} for name in sorted({operation.area for operation in OPERATIONS})],
        "paths": paths,
        "components": {
            "schemas": COMPONENTS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {str(status): _problem(words) for status, words in _PROBLEMS.items()},
        },
    }


def address_of(operation: Operation) -> str:
    """Its address as the description writes it, parts in braces."""
    return _PARAMETER.sub(r"{\2}", operation.path)


def _operation(operation: Operation) -> dict[str, Any]:
    summary, _, more = (operation.handler.__doc__ or "").strip().partition(". ")
    needs = (
        f"Needs `{operation.permission}`{' on the whole association' if operation.staff else ''}."
        if operation.permission
        else ""
    )
    said: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.area],
        "summary": summary.rstrip("."),
        "description": " ".join(part for part in (more, needs, _going(operation)) if part),
        "parameters": [*_path_parameters(operation), *_query_parameters(operation), *_headers(operation)],
        "responses": _responses(operation),
    }
    content = _content(operation)
    if operation.deprecation is not None:
        said["deprecated"] = True
    return said | ({"requestBody": {"required": content[1], "content": content[0]}} if content else {})


def _going(operation: Operation) -> str:
    return "" if operation.deprecation is None else operation.deprecation.words()


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _KINDS.get(kind, _KINDS[""])}
        for kind, name in _PARAMETER.findall(operation.path)
    ]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [_parameter(name, "query", field) for name, field in operation.query.items()]


def _parameter(name: str, place: str, field: Field) -> dict[str, Any]:
    said = {"name": name, "in": place, "required": field.required, "schema": field.schema()}
    return said | ({"description": field.says} if field.says else {})


def _headers(operation: Operation) -> list[dict[str, Any]]:
    taken: list[tuple[str, str, str | None]] = []
    if operation.method == "POST":
        taken.append(
            ("Idempotency-Key", "The same key within 24 hours: done once, answered again.", r"^[\x21-\x7e]{1,200}$")
        )
    if operation.waits:
        taken.append(("Prefer", "wait=SECONDS, at most 60: answer when the change was seen working.", None))
    if operation.versioned and operation.method != "GET":
        taken.append(("If-Match", "The ETag that was seen; 412 if there is another by now.", None))
    return [
        {"name": name, "in": "header", "required": False, "description": words,
         "schema": {"type": "string"} | ({"pattern": pattern} if pattern else {})}
        for name, words, pattern in taken
    ]  # fmt: skip


def _responses(operation: Operation) -> dict[str, Any]:
    told = {str(status): _good(operation, status) for status in operation.statuses}
    if operation.versioned and operation.method == "GET":
        told["304"] = {"description": "as it was"}
    return told | {str(status): {"$ref": f"#/components/responses/{status}"} for status in _PROBLEMS}


def _good(operation: Operation, status: int) -> dict[str, Any]:
    if not operation.answer:
        files = operation.files or {"*/*": {"type": "string", "format": "binary"}}
        return {"description": "the file", "content": {kind: {"schema": dict(one)} for kind, one in files.items()}}
    words = {200: "done", 201: "made", 202: "asked for; not yet seen working"}[status]
    return {"description": words, "content": {"application/json": {"schema": dict(operation.answer)}}}


def _content(operation: Operation) -> tuple[dict[str, Any], bool] | None:
    if operation.upload:
        return {"multipart/form-data": {"schema": form_schema(operation)}}, True
    if operation.body is None:
        return None
    required = any(field.required for field in operation.body.fields.values())
    example = EXAMPLES.get(operation.name)
    told = {"schema": operation.body.schema()} | ({} if example is None else {"example": dict(example)})
    return {"application/json": told}, required


def form_schema(operation: Operation) -> dict[str, Any]:
    """The parts of an upload, as JSON Schema."""
    parts = {name: one.schema() if one.required else _or_empty(one) for name, one in operation.form.items()}
    required = [name for name, one in operation.form.items() if one.required]
    file = {"type": "string", "format": "binary"}
    return {"type": "object", "properties": {"file": file, **parts}, "required": ["file", *required]}


def _or_empty(field: Field) -> dict[str, Any]:
    """The schema of a form's field that may be sent empty: it was not given then, as programs do with forms."""
    schema = dict(field.schema())
    said = {name: schema.pop(name) for name in ("description",) if name in schema}
    return said | {"anyOf": [schema, {"type": "string", "maxLength": 0}]}


def _problem(words: str) -> dict[str, Any]:
    return {"description": words, "content": {"application/problem+json": {"schema": ref("Problem")}}}
