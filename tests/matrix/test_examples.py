"""Every example of the description does what it says; what is no good in its place is refused, and never breaks."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from panel.api.examples import EXAMPLES, IDS
from panel.api.fields import Field, ListOf, Shape
from panel.api.operations import OPERATIONS, Operation
from panel.contracts.models import Service
from panel.kernel.db import db
from tests.matrix.asking import Programs, Request
from tests.matrix.families import Asker, Families
from tests.matrix.ways import way_of

GIVEN = [operation for operation in OPERATIONS if operation.name in EXAMPLES]
BY_STATE = {
    "approve_plan": {404, 409},
    "approve_repair": {409},
    "keep_difference": {200, 422},
    "approve_order": {422},
    "restore_from_backup": {422},
    "erase_by_name": {409},
    "restore_mail_of_mailbox": {409},
    "vouch_for_name": {409},
}
"""What depends on days, nodes and plans that are not there: the status with which it is refused."""

BAD: tuple[Any, ...] = (
    None, True, -1, 0.5, 2**70, "", "\x00", "\ud800", "x" * 20_000, [], {}, [None], {"a": {"b": []}}, "1e999", "0" * 40,
    "../../etc/passwd", "' OR 1=1 --", "2026-02-30", "ＡＬＡ@info.wokiss.pl",
)  # fmt: skip
"""What programs send by mistake, and what some send on purpose."""


def test_what_must_be_given_a_body_has_an_example() -> None:
    needed = {
        operation.name
        for operation in OPERATIONS
        if operation.body is not None and any(one.required for one in operation.body.fields.values())
    }
    assert needed <= set(EXAMPLES) <= {operation.name for operation in OPERATIONS}


@pytest.mark.parametrize("operation", GIVEN, ids=lambda operation: operation.name)
def test_an_example_gives_its_documented_status(operation: Operation, programs: Programs) -> None:
    answer = programs.ask(_admin(programs.families), _request(programs.families, operation))
    assert answer.status in BY_STATE.get(operation.name, set(operation.statuses)), answer.text
    assert answer.status >= 400 or json.loads(answer.text)


@pytest.mark.parametrize("operation", GIVEN, ids=lambda operation: operation.name)
def test_bad_values_in_its_place_are_refused_by_name_and_never_break(operation: Operation, programs: Programs) -> None:
    who, good = _admin(programs.families), _request(programs.families, operation)
    assert operation.body is not None
    values = itertools.cycle(BAD[len(operation.name) % len(BAD) :] + BAD)
    for place in _places(operation.body):
        bad = next(values)
        answer = programs.ask(who, Request(good.method, good.path, good.query, _put(good.body, place, bad)))
        assert answer.status < 500, f"{place} = {bad!r}: {answer.text}"
        if answer.status == 422:
            assert json.loads(answer.text)["errors"], f"{place} = {bad!r}"


def _admin(families: Families) -> Asker:
    return next(one for one in families.askers if one.name == "association_admin of all")


def _request(families: Families, operation: Operation) -> Request:
    """The example about rows that are there, as the administrator of all would send it."""
    asked = way_of(operation).request(families, "own")
    body = json.dumps(EXAMPLES[operation.name])
    body = body.replace('"EMAIL"', json.dumps(db.session.scalars(select(Service.code)).first()))
    db.session.remove()
    for known, kind in IDS.items():
        body = body.replace(known, str(families.id_of(kind, "own")))
    return Request(asked.method, asked.path, asked.query, json.loads(body))


def _places(shape: Field, before: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(shape, Shape):
        for name, one in shape.fields.items():
            yield (*before, name)
            yield from _places(one, (*before, name))
    elif isinstance(shape, ListOf):
        yield from _places(shape.of, (*before, 0))


def _put(body: Any, place: tuple[str | int, ...], value: Any) -> Any:
    """``body`` with ``value`` at ``place``; where nothing leads there the body as it was."""
    changed: Any = json.loads(json.dumps(body))
    at: Any = changed
    for step in place[:-1]:
        try:
            at = at[step]
        except (KeyError, IndexError, TypeError):
            return changed
    at[place[-1]] = value
    return changed
