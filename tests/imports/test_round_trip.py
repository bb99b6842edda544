"""What the panel writes into a file, it reads back as the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from panel.imports.actions import start_import
from panel.imports.models import Import
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work
from panel.kernel.spreadsheets import BOM, csv_line, harmless, meant
from panel.mail.actions import NewMailbox, create_mailboxes
from panel.mail.models import Mailbox
from panel.web.mail import COLUMNS
from tests.worlds import SHARED, World, small_world

NAMES = st.text(st.sampled_from("ąŻółćabZ019=+-@'\";,|._ \u00a0"), min_size=1, max_size=12).filter(str.strip)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with small_world(tmp_path_factory.mktemp("trip")) as world:
        create_mailboxes(
            SYSTEM,
            [
                NewMailbox(member_id=member.id, address=f"{member.slug}{more}@{SHARED}", quota_mb=quota)
                for member, more, quota in ((world.koscian, ".a", 7), (world.koscian, "", 2048), (world.smigiel, "", 9))
            ],
        )
        yield world


@given(st.text(st.characters(codec="utf-8")))
def test_a_harmless_cell_means_what_it_was_made_from(text: str) -> None:
    assert meant(harmless(text)) == text.strip() or text != text.strip()


@settings(max_examples=25, deadline=None, database=None)
@given(st.tuples(NAMES, NAMES))
def test_the_list_of_mailboxes_imports_back_with_nothing_to_do(world: World, called: tuple[str, str]) -> None:
    with unit_of_work():
        world.koscian.name, world.smigiel.name = (name.strip() for name in called)
    boxes = db.session.scalars(select(Mailbox).order_by(Mailbox.address)).all()
    lines = [csv_line([harmless(take(box)) for _heading, take in COLUMNS]) for box in boxes]
    content = BOM + csv_line([heading for heading, _take in COLUMNS]) + "".join(lines)
    one = start_import(SYSTEM, kind="mailboxes", content=content.encode(), file_name="mailboxes.csv")
    found = dict(one.counts)
    with unit_of_work():
        db.session.delete(db.session.get_one(Import, one.id))
    assert found == {"ok": 3, "unchanged": 3}
