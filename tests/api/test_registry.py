"""Every operation, taken from the registry: none may be forgotten."""

from __future__ import annotations

import re
import uuid

import pytest

from panel.api.operations import OPERATIONS, Operation
from panel.kernel.access import PERMISSIONS
from tests.api.program import Program, rows

EVERY = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)


def path_of(operation: Operation) -> str:
    path = re.sub(r"<uuid:\w+>", lambda _: str(uuid.uuid4()), operation.path)
    return re.sub(r"<(?:\w+:)?\w+>", "1", path)


def test_names_and_addresses_are_given_once() -> None:
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)
    assert len({(operation.method, operation.path) for operation in OPERATIONS}) == len(OPERATIONS)


OPEN_TO_ALL = ("list_roles", "search_everything")
"""What anybody with a token may ask; a search finds what each may see."""


@EVERY
def test_an_operation_declares_its_permission_and_what_it_does(operation: Operation) -> None:
    assert operation.permission in PERMISSIONS or operation.name in OPEN_TO_ALL
    assert operation.handler.__doc__
    assert operation.method == "GET" or (operation.permission or "").endswith(
        (":write", ":password", ":approve", ":restore", ":invite", ":takeover", ":erase", ":vouch")
    )


@EVERY
def test_without_a_good_token_nothing_opens_and_all_refusals_are_alike(standing: Program, operation: Operation) -> None:
    before = rows()
    answers = [
        standing.send(operation.method, path_of(operation), token=token, json={} if operation.body else None)
        for token in (None, "cis_unknown", "")
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {'Bearer realm="CIS Panel"'}
    assert len({answer.content for answer in answers}) == 1
    assert rows() == before


@EVERY
def test_who_may_only_read_changes_nothing(standing: Program, operation: Operation) -> None:
    if operation.method == "GET":
        return
    before = rows()
    answer = standing.send(operation.method, path_of(operation), token="auditor", json={} if operation.body else None)
    assert answer.status_code == 403
    assert answer.json["code"] == "not_allowed"
    assert rows() == before


@EVERY
def test_what_is_not_there_is_not_found(standing: Program, operation: Operation) -> None:
    if "<uuid:id>" not in operation.path or operation.body is not None or operation.upload:
        return
    assert standing.send(operation.method, path_of(operation)).status_code == 404


@EVERY
def test_an_unknown_parameter_is_refused_by_name(standing: Program, operation: Operation) -> None:
    answer = standing.send(operation.method, f"{path_of(operation)}?surprise=1", json={} if operation.body else None)
    assert answer.status_code == 422
    assert "surprise" in {error["field"] for error in answer.json["errors"]}


@EVERY
def test_a_body_with_an_unknown_field_is_refused_by_name(standing: Program, operation: Operation) -> None:
    if operation.method == "GET" or operation.upload:
        return
    before = rows()
    answer = standing.send(operation.method, path_of(operation), json={"surprise": 1})
    assert answer.status_code == 422
    assert "surprise" in {error["field"] for error in answer.json["errors"]}
    assert rows() == before
