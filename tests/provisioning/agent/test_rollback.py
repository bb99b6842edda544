"""Batches put back on the node alone, and what the panel may do afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.agent import undo
from provisioning.agent.adapters.contract import Staged, Verdict
from provisioning.agent.oplog import OperationLog
from provisioning.agent.rollback import CannotRollBack, Rollback, Undoing
from provisioning.agent.store import BATCHES_KEPT_SECONDS
from provisioning.resources import Gone, Item, Mailbox
from tests.provisioning.agent.test_engine import Panel, domain, raise_full
from tests.provisioning.agent.test_looking import box

HASH = "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2E$" + "A" * 43


def test_what_a_batch_created_changed_and_removed_is_as_before(panel: Panel, node: Rollback) -> None:
    panel.send(domain(1), domain(2), box(1), box(2))
    before = rows(panel)
    panel.send(domain(3), replace(box(1), generation=2, quota_mb=7), removed(box(2)))
    undoing = node.prepare()
    assert sorted(map(str, undoing.steps)) == [
        "mail_domain d3.test: goes, it was created by this batch",
        "mailbox u1@d1.test: quota_mb 7 → 100",
        "mailbox u2@d1.test: comes back",
    ]
    node.do(undoing)
    assert rows(panel) == before
    assert panel.ask({"op": "known", "kind": "mailbox"})["gone"] == {}


def test_a_password_put_back_is_not_shown(panel: Panel, node: Rollback) -> None:
    opened = replace(box(1), login="open", password_hash=HASH)
    panel.send(opened)
    panel.send(replace(opened, generation=2, password_hash=HASH[:-1] + "E"))
    undoing = node.prepare()
    assert str(undoing.steps[0]) == "mailbox u1@d1.test: the password before"
    node.do(undoing)
    assert panel.ask({"op": "read", "kind": "mailbox", "ids": [opened.id]})["items"][0]["password_hash"] == HASH


def test_the_panel_sees_the_difference_and_overwrites_nothing_silently(panel: Panel, node: Rollback) -> None:
    panel.send(box(1))
    changed = replace(box(1), generation=2, quota_mb=7)
    panel.send(changed)
    before = panel.ask({"op": "survey"})["kinds"]
    node.do(node.prepare())
    assert panel.ask({"op": "survey"})["kinds"] != before
    assert codes(panel.send(changed)) == ["rolled_back"]
    assert codes(panel.send(replace(changed, generation=3, quota_mb=8))) == ["rolled_back"]
    assert codes(panel.send(removed(changed))) == ["rolled_back"]
    assert rows(panel)["mailbox"][0][-1] == 100


def test_a_person_who_wants_it_as_the_panel_says_gets_it(panel: Panel, node: Rollback) -> None:
    panel.send(box(1))
    changed = replace(box(1), generation=2, quota_mb=7)
    panel.send(changed)
    node.do(node.prepare())
    assert codes(panel.send(changed, repair=True)) == [""]
    assert codes(panel.send(replace(changed, generation=3, quota_mb=8))) == [""]


def test_a_person_who_wants_it_as_it_is_now_gets_it(panel: Panel, node: Rollback) -> None:
    panel.send(box(1))
    panel.send(replace(box(1), generation=2, quota_mb=7))
    node.do(node.prepare())
    assert codes(panel.send(replace(box(1), generation=3))) == [""]
    assert codes(panel.send(replace(box(1), generation=4, quota_mb=9))) == [""]


def test_what_was_removed_and_came_back_is_not_removed_again_by_the_same_word(panel: Panel, node: Rollback) -> None:
    panel.send(box(1))
    panel.send(removed(box(1)))
    node.do(node.prepare())
    assert codes(panel.send(removed(box(1)))) == ["rolled_back"]
    assert codes(panel.send(replace(removed(box(1)), generation=3), repair=True)) == [""]
    assert rows(panel)["mailbox"] == []


def test_the_batchs_answer_says_so_too(panel: Panel, node: Rollback) -> None:
    panel.send(box(1))
    batch = panel.last_batch
    node.do(node.prepare())
    (outcome,) = panel.ask({"op": "outcomes", "batch": batch})["outcomes"]
    assert (outcome["outcome"], outcome["code"]) == ("refused", "rolled_back")
    assert panel.log_lines()[-1]["what"] == "rollback"


def test_one_after_the_other_backwards(panel: Panel, node: Rollback) -> None:
    panel.send(box(1))
    for generation in (2, 3):
        panel.send(replace(box(1), generation=generation, quota_mb=generation))
    seen = []
    for _ in range(3):
        node.do(node.prepare())
        seen.append([row[-1] for row in rows(panel)["mailbox"]])
    assert seen == [[2], [100], []]
    with pytest.raises(CannotRollBack, match="no batch is kept here"):
        node.prepare()


def test_an_earlier_batch_waits_for_the_later_ones(panel: Panel, node: Rollback) -> None:
    panel.send(box(1))
    panel.send(replace(box(1), generation=2, quota_mb=7))
    first = panel.last_batch
    panel.send(replace(box(1), generation=3, quota_mb=8))
    second = panel.last_batch
    with pytest.raises(CannotRollBack, match=second):
        node.prepare(first)
    node.do(node.prepare(second))
    node.do(node.prepare(first[:13]))
    assert rows(panel)["mailbox"][0][-1] == 100


def test_an_earlier_batch_of_other_resources_does_not_wait(panel: Panel, node: Rollback) -> None:
    panel.send(domain(1))
    first = panel.last_batch
    panel.send(domain(2))
    node.do(node.prepare(first))
    assert [row[2] for row in rows(panel)["mail_domain"]] == ["d2.test"]


def test_a_rollback_can_be_put_back_and_then_holds_nothing(panel: Panel, node: Rollback) -> None:
    panel.send(box(1))
    panel.send(replace(box(1), generation=2, quota_mb=7))
    after = rows(panel)
    node.do(node.prepare())
    with panel.store.read() as tx:
        rollback = undo.listed(tx, 1)[0].batch
    node.do(node.prepare(rollback))
    assert rows(panel) == after
    assert codes(panel.send(replace(box(1), generation=3, quota_mb=8))) == [""]


def test_a_batch_is_undone_once(panel: Panel, node: Rollback) -> None:
    panel.send(box(1))
    node.do(node.prepare())
    with pytest.raises(CannotRollBack, match="has undone it already"):
        node.prepare(panel.last_batch)


def test_what_was_deleted_for_good_does_not_come_back_and_is_kept_nowhere(panel: Panel, node: Rollback) -> None:
    panel.send(box(1), box(2))
    panel.send(Gone(kind="mailbox", id=box(1).id, generation=2, purge=True), removed(box(2)))
    undoing = node.prepare()
    assert (undoing.purged, len(undoing.steps)) == (1, 1)
    node.do(undoing)
    assert [row[0] for row in rows(panel)["mailbox"]] == [box(2).id]
    with panel.store.read() as tx:
        assert undo.read(tx, panel.last_batch)[0].row is None


def test_what_changed_since_it_was_shown_is_shown_again(panel: Panel, node: Rollback) -> None:
    panel.send(box(1))
    undoing = node.prepare()
    panel.store.connection.execute("UPDATE mailbox SET quota_mb = 3")
    with pytest.raises(CannotRollBack, match="meanwhile"):
        node.do(undoing)
    assert rows(panel)["mailbox"][0][-1] == 3


def test_what_the_service_does_not_take_back_undoes_the_rollback(
    panel: Panel, node: Rollback, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.send(box(1), box(2))
    before = rows(panel)
    undoing = node.prepare()
    verdict = Verdict("refused", "in_use", "somebody lives there")
    monkeypatch.setattr(panel.adapter, "stage", lambda *_, **__: Staged({("mailbox", box(1).id): verdict}))
    with pytest.raises(CannotRollBack, match="somebody lives there"):
        node.do(undoing)
    assert rows(panel) == before


def test_what_could_not_be_finished_after_the_rollback_is_told(
    panel: Panel, node: Rollback, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.send(box(1))
    monkeypatch.setattr(panel.adapter, "finish", raise_full)
    assert [late.verdict.code for late in node.do(node.prepare())] == ["unfinished"]
    assert rows(panel)["mailbox"] == []


def test_a_rollback_that_cannot_be_logged_does_not_happen(panel: Panel, node: Rollback) -> None:
    panel.send(box(1))
    before = rows(panel)
    panel.log.unlink()
    panel.log.symlink_to("/dev/null")
    with pytest.raises(CannotRollBack, match="symbolic links"):
        node.do(node.prepare())
    assert rows(panel) == before


def test_what_was_broken_before_says_so(panel: Panel, node: Rollback) -> None:
    panel.send(box(1))
    panel.store.connection.execute("UPDATE mailbox SET address = 'x'")
    panel.send(replace(box(1), generation=2))
    with pytest.raises(CannotRollBack, match="was broken before this batch"):
        node.prepare()


def test_a_batch_that_changed_nothing_is_none(panel: Panel, node: Rollback) -> None:
    panel.send(box(1))
    panel.send(box(1))
    node.do(node.prepare())
    assert rows(panel)["mailbox"] == []


def test_images_are_kept_seven_days_and_within_bounds(
    panel: Panel, node: Rollback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo, "BYTES_MAX", 300)
    monkeypatch.setattr(undo, "_BYTES_COUNTED_FROM", 0)
    for number in range(1, 9):
        panel.send(domain(number))
    with panel.store.read() as tx:
        kept = undo.listed(tx, -1)
    assert 1 <= len(kept) < 8
    assert kept[0].batch == panel.last_batch
    panel.store.connection.execute("UPDATE undo SET at = at - ?", (BATCHES_KEPT_SECONDS + 60,))
    panel.send(domain(9))
    with panel.store.read() as tx:
        assert [one.batch for one in undo.listed(tx, -1)] == [panel.last_batch]


def test_only_the_newest_batches_are_kept(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undo, "BATCHES_MAX", 3)
    for number in range(1, 9):
        panel.send(domain(number))
    with panel.store.read() as tx:
        assert len(undo.listed(tx, -1)) == 3


batch_of_items = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from(["put", "remove", "purge"]), st.integers(1, 900)),
    min_size=1,
    max_size=4,
    unique_by=lambda one: one[0],
)


@settings(max_examples=60, deadline=None)
@given(batches=st.lists(batch_of_items, min_size=1, max_size=5))
def test_all_batches_undone_newest_first_leave_nothing_but_what_was_purged_away(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[tuple[int, str, int]]]
) -> None:
    panel = Panel(tmp_path_factory.mktemp("random"))
    node = Rollback(panel.store, panel.adapter, OperationLog(panel.log))
    states = [rows(panel)]
    purged: set[str] = set()
    for generation, batch in enumerate(batches, 1):
        items = [item_of(number, verb, quota, generation) for number, verb, quota in batch]
        purged |= {item.id for item in items if isinstance(item, Gone) and item.purge}
        panel.send(*items)
        states.append(rows(panel))
    for state in reversed(states[:-1]):
        undo_newest(node)
        assert without(rows(panel), purged) == without(state, purged)
    panel.store.close()


def item_of(number: int, verb: str, quota: int, generation: int) -> Item:
    if verb == "put":
        return replace(box(number), generation=generation, quota_mb=quota)
    return Gone(kind="mailbox", id=box(number).id, generation=generation, purge=verb == "purge")


def undo_newest(node: Rollback) -> Undoing:
    undoing = node.prepare()
    node.do(undoing)
    return undoing


def without(state: dict[str, list[Any]], ids: set[str]) -> list[Any]:
    return [row for row in state["mailbox"] if row[0] not in ids]


def removed(item: Mailbox) -> Gone:
    return Gone(kind="mailbox", id=item.id, generation=item.generation + 1)


def codes(reply: dict[str, Any]) -> list[str]:
    assert reply["ok"], reply
    return [one["code"] for one in reply["outcomes"]]


def rows(panel: Panel) -> dict[str, list[Any]]:
    queries = {
        "mail_domain": "SELECT * FROM mail_domain ORDER BY id",
        "mailbox": "SELECT id, generation, address, login, password_hash, quota_mb FROM mailbox ORDER BY id",
    }
    return {kind: panel.store.connection.execute(query).fetchall() for kind, query in queries.items()}


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[Panel]:
    panel = Panel(tmp_path)
    yield panel
    panel.store.close()


@pytest.fixture
def node(panel: Panel) -> Rollback:
    return Rollback(panel.store, panel.adapter, OperationLog(panel.log))
