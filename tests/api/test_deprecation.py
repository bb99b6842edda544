"""What goes out of use says so in time: in headers, in the description, and never with less notice than promised."""

from __future__ import annotations

from datetime import date

import pytest

from panel.api import documentation
from panel.api.deprecation import deprecated
from panel.api.operations import OPERATIONS, Answer, Ask, Operation
from panel.api.serving import view_of
from panel.kernel.access import Actor
from tests.api.program import Program


@deprecated(since=date(2026, 11, 1), until=date(2027, 5, 3), instead="list_roles")
def _old(_actor: Actor, _ask: Ask) -> Answer:
    """Do what is done otherwise now."""
    return Answer(body={})


def test_an_operation_out_of_use_says_so_with_each_answer(program: Program) -> None:
    old = Operation(method="GET", path="/old", handler=_old, permission=None)
    program.world.app.add_url_rule("/api/v1/old", "api.old", view_of(old))
    headers = {"Authorization": f"Bearer {program.tokens['admin']}"}
    answer = program.world.app.test_client().get("/api/v1/old", headers=headers)
    assert answer.headers["Deprecation"] == "@1793491200"
    assert answer.headers["Sunset"] == "Mon, 03 May 2027 00:00:00 GMT"
    assert answer.headers["Link"] == '</api/v1/docs#list_roles>; rel="successor-version"'
    described = documentation._operation(old)
    assert described["deprecated"] is True
    assert "use `list_roles` instead" in described["description"]
    assert "Deprecation" not in program.send("GET", "/roles").headers


def test_nothing_goes_sooner_than_promised_and_all_that_goes_has_a_successor() -> None:
    with pytest.raises(ValueError, match="183 days"):
        deprecated(since=date(2026, 11, 1), until=date(2027, 4, 1), instead="list_roles")
    names = {operation.name for operation in OPERATIONS}
    assert {one.deprecation.instead for one in OPERATIONS if one.deprecation} <= names
