"""People are erased by API: with an account and without, by those who may, and no answer says who it was."""

from __future__ import annotations

import pytest

from panel.identity.actions import create_user
from panel.identity.models import User
from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from tests.api.program import Program

pytestmark = pytest.mark.one_database
WHY = {"reason": "Wniosek z 3 listopada"}


def test_a_person_is_erased_after_a_look_and_only_once(program: Program) -> None:
    ala = create_user(
        SYSTEM, email="ala@x.pl", name="Ala Kot", password_hash=None, role="member_editor",
        member_id=program.world.koscian.id,
    )  # fmt: skip
    path = f"/users/{ala.id}/erasure"
    assert program.send("GET", path, token="clerk").status_code == 403
    shown = program.get(path)
    done = program.post(path, WHY)
    assert done == shown
    assert done["events"] >= 1
    assert "ala" not in str(done).lower()
    assert db.session.get_one(User, ala.id, populate_existing=True).name == ""
    assert program.send("POST", path, json=WHY).json["code"] == "erased"


def test_a_person_without_an_account_is_erased_by_name(program: Program) -> None:
    who = {"name": "Jan Nowak", "emails": ["jan@x.pl"]}
    program.send("PATCH", f"/members/{program.world.koscian.id}", json={"contacts": [{"name": "Jan Nowak"}]})
    assert program.send("POST", "/erasures", token="clerk", json=who | WHY).status_code == 403
    shown = program.post("/erasures/preview", who)
    assert shown["mentions"] == {"members": 1}
    assert program.post("/erasures", who | WHY)["mentions"] == {"members": 1}
    assert program.get(f"/members/{program.world.koscian.id}")["contacts"] == []
    assert program.send("POST", "/erasures", json=who | WHY).json["code"] == "nothing_found"
    refused = program.send("POST", "/erasures/preview", json={"name": "Nowak"})
    assert [one["field"] for one in refused.json["errors"]] == ["name"]
