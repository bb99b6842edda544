"""Workers that are killed amid an import: the next ones go on, no row is done twice and none is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select, update

from panel.contracts.entitlements import entitlements
from panel.imports import actions, committing, made
from panel.imports.committing import carry_out_imports
from panel.imports.made import mailboxes_made, portions_made
from panel.imports.models import Import, ImportRow
from panel.imports.reporting import report_lines
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, unit_of_work
from panel.ledger.events import Event
from panel.mail.models import Mailbox
from tests.imports.conftest import People

ROWS = 8


def test_killed_workers_leave_no_row_undone_and_none_done_twice(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committing, "PORTION", 3)
    lines = "".join(f"miasto-koscian.p{number};\n" for number in range(ROWS))
    content = f"adres;pojemność\n{lines}miasto-koscian.p{ROWS};dużo\n".encode()
    one = actions.start_import(people.anna, kind="mailboxes", content=content, file_name="a.csv")
    actions.commit_import(people.anna, one.id, only_good=True)
    # Nobody looks at it from here on: the browser is closed.
    for portion, written in ((1, 0), (2, 3)):
        _killed(partial(_die_in, portion))
        assert (_mailboxes(), _state(one)) == (written, "committing"), "its last portion is not there, the others are"
        carry_out_imports(SYSTEM)
        assert _mailboxes() == written, "the claim of the dead one still holds"
        with unit_of_work():
            db.session.execute(update(Import).values(claimed_until=database_now(-1)))
    carry_out_imports(SYSTEM)
    assert (_mailboxes(), _state(one)) == (ROWS, "done")
    made_by = db.session.execute(select(ImportRow.line, ImportRow.resource_id).where(ImportRow.state == "done")).all()
    assert ([row.line for row in made_by], len({row.resource_id for row in made_by})) == ([*range(2, ROWS + 2)], ROWS)
    addresses = db.session.scalars(select(Mailbox.address).order_by(Mailbox.address)).all()
    assert [address.partition("@")[0] for address in addresses] == [f"miasto-koscian.p{n}" for n in range(ROWS)]
    used = {item.kind: item.used for item in entitlements(SYSTEM, people.world.koscian.id)}
    assert used["mailboxes"] == ROWS
    told = select(func.count()).where(Event.tag == "mail:mailbox:create")
    assert db.session.scalar(told) == ROWS
    report = "".join(report_lines(one, headings=["?", "!", "."], state=lambda row: row.state, describe=str))
    assert [line.split(";")[3] for line in report.splitlines()[1:]] == ["done"] * ROWS + ["left"]
    counts = actions.get_import(people.anna, one.id).counts
    assert (counts["done"], counts["left"], counts.get("failed", 0)) == (ROWS, 1, 0)


def test_what_an_import_made_is_known_in_portions(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (0, 1):
        content = f"adres\nmiasto-koscian.a{name}\nmiasto-koscian.b{name}\nmiasto-koscian.c{name}\n".encode()
        one = actions.start_import(people.anna, kind="mailboxes", content=content)
        actions.commit_import(people.anna, one.id)
        carry_out_imports(SYSTEM)
    again = actions.start_import(people.anna, kind="mailboxes", content=content)
    actions.commit_import(people.anna, again.id)
    carry_out_imports(SYSTEM)
    monkeypatch.setattr(made, "AT_MOST", 2)
    assert (portions_made(one), portions_made(again)) == ([(2, 2), (4, 1)], [])
    found = [mailboxes_made(people.anna, one.id), mailboxes_made(people.anna, one.id, from_line=4)]
    names = [[db.session.get_one(Mailbox, id_).address.partition("@")[0] for id_ in some] for some in found]
    assert names == [["miasto-koscian.a1", "miasto-koscian.b1"], ["miasto-koscian.c1"]]


def _killed(work: Callable[[], None]) -> None:
    """Do ``work`` in a process of its own, which has to kill itself."""
    db.session.remove()
    db.engine.dispose()  # what is open would be shared with the other process
    pid = os.fork()
    if not pid:
        try:
            work()
        finally:
            os._exit(0)
    _pid, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def _die_in(portion: int) -> None:
    """Carry imports out until all of a portion is written and nothing of it committed; then be killed."""
    note, written = committing._note, iter(range(1, ROWS))

    def note_and_die(*told: Any) -> None:
        note(*told)
        db.session.flush()
        if next(written) == portion:
            os.kill(os.getpid(), signal.SIGKILL)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(committing, "_note", note_and_die)
        carry_out_imports(SYSTEM)


def _mailboxes() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Mailbox)) or 0


def _state(one: Import) -> str:
    return db.session.scalars(select(Import.state).where(Import.id == one.id)).one()
