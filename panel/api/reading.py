"""Reading requests: strict JSON, strict queries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from flask import request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from panel.api.fields import Field, Integer, Shape, raise_all
from panel.kernel.errors import Invalid

DEPTH_MAX = 10
"""How deep objects and lists may lie within each other; our deepest body needs four."""

_NOTHING = Shape()


def read_body(shape: Shape | None) -> dict[str, Any]:
    """The request's JSON object, of ``shape``; without a shape there must be none, or an empty one.

    Raises BadRequest for what is no JSON (duplicate names, NaN and too deep ones are none), UnsupportedMediaType,
    RequestEntityTooLarge, Invalid.
    """
    content = _content()
    if not content and (shape is None or not any(one.required for one in shape.fields.values())):
        return {}
    if request.mimetype != "application/json":
        raise UnsupportedMediaType
    read: dict[str, Any] = (shape or _NOTHING).read("", parse(content))
    return read


def _content() -> bytes:
    """The whole body. One that comes in chunks tells no length: the server's library would cut it off at the limit."""
    content, most = request.get_data(), request.max_content_length
    if request.content_length is None and most is not None and len(content) >= most:
        raise RequestEntityTooLarge
    return content


def parse(content: bytes) -> Any:
    """JSON by RFC 8259, without the liberties parsers take. Raises BadRequest."""
    try:
        value = json.loads(content.decode(), object_pairs_hook=_object, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadRequest from error
    if _depth(value) > DEPTH_MAX:
        raise BadRequest
    return value


def read_query(fields: Mapping[str, Field]) -> dict[str, Any]:
    """The request's query, each name once. Raises Invalid naming every bad or unknown parameter."""
    errors = [
        Invalid("required", field=name) for name, one in fields.items() if one.required and name not in request.args
    ]
    read: dict[str, Any] = {}
    for name, values in request.args.lists():
        try:
            read[name] = _parameter(fields, name, values)
        except Invalid as error:
            errors += error.errors
    return read if not errors else raise_all(errors)


def read_form(fields: Mapping[str, Field]) -> dict[str, Any]:
    """The fields beside an uploaded file, each once; one that is empty was not given. Raises Invalid.

    Operations that declare none take whatever comes beside their file for nothing.
    """
    if not fields:
        return {}
    missing = [name for name, one in fields.items() if one.required and not request.form.get(name)]
    errors = [Invalid("required", field=name) for name in missing]
    read: dict[str, Any] = {}
    for name, values in request.form.lists():
        try:
            if values != [""]:
                read[name] = _parameter(fields, name, values)
        except Invalid as error:
            errors += error.errors
    return read if not errors else raise_all(errors)


def _parameter(fields: Mapping[str, Field], name: str, values: list[str]) -> Any:
    if name not in fields:
        raise Invalid("unknown_field", field=name)
    if len(values) != 1:
        raise Invalid("given_twice", field=name)
    value: Any = values[0]
    if isinstance(fields[name], Integer):
        if not (value.isascii() and value.removeprefix("-").isdigit() and len(value) < 20):
            raise Invalid("number_bad", field=name)
        value = int(value)
    elif value in ("true", "false") and fields[name].schema().get("type") == "boolean":
        value = value == "true"
    value = fields[name].read(name, value)
    fields[name].require_bounds(name, value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("the same name twice")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _depth(value: Any) -> int:
    """How deep ``value`` is, found without recursion: the parser has built it, but a walk must not overflow."""
    deepest, rest = 0, [(value, 1)]
    while rest:
        one, depth = rest.pop()
        if isinstance(one, dict | list):
            deepest = max(deepest, depth)
            rest += [(child, depth + 1) for child in (one.values() if isinstance(one, dict) else one)]
    return deepest
