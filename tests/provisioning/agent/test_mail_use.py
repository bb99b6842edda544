"""The reading of use goes on from ask to ask, asks Dovecot only of what changed, and tells only what is news."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection
from pathlib import Path

import pytest

from provisioning.agent.adapters import mail_rows, mail_use
from provisioning.agent.adapters.mail_use import DovecotAway, MailboxUse, looks_of
from provisioning.agent.store import Store

LONG_AGO = 1_700_000_000
COUNT = 120


class Node:
    """A store and folders of COUNT mailboxes, every second of which has mail, and somebody in Dovecot's place."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "mail.sqlite", schema=[mail_rows.SCHEMA, mail_use.SCHEMA], create=True)
        self.ids = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(COUNT)]
        self.root = folder / "mail"
        rows = [(id_, 1, f"m{number}@x.test", "open", None, 100, "x.test") for number, id_ in enumerate(self.ids)]
        self.store.connection.executemany("INSERT INTO mailbox VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        for id_ in self.ids[::2]:
            self.deliver(id_, LONG_AGO)
        self.asked: list[str] = []
        self.kib, self.away = 7, False
        self.use = MailboxUse(self.store, self.root, self._ask)

    def deliver(self, id_: str, at: int) -> None:
        for part in ("cur", "new"):
            folder = self.root / id_[:2] / id_ / "Maildir" / part
            folder.mkdir(parents=True, exist_ok=True)
            os.utime(folder, (at, at))

    def look_and_tell(self, after: int = 0, every: float = 0) -> dict[str, int]:
        self.asked.clear()
        self.use.look(seconds=60, every=every)
        told: dict[str, int] = self.use.told(after)["use"]
        return told

    def _ask(self, addresses: Collection[str]) -> dict[str, int]:
        if self.away:
            raise DovecotAway
        self.asked += addresses
        return dict.fromkeys(addresses, self.kib)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_what_did_not_change_is_not_asked_about_and_what_is_no_news_is_not_told(node: Node) -> None:
    assert node.look_and_tell() == {id_: 7 * (place % 2 == 0) for place, id_ in enumerate(node.ids)}
    assert len(node.asked) == COUNT / 2
    mark = node.use.told(0)["mark"]
    assert (node.look_and_tell(mark), node.asked) == ({}, [])
    node.kib = 9
    node.deliver(node.ids[3], LONG_AGO + 5)
    node.deliver(node.ids[4], LONG_AGO + 5)
    assert node.look_and_tell(mark) == {node.ids[3]: 9, node.ids[4]: 9}
    assert sorted(node.asked) == ["m3@x.test", "m4@x.test"]
    assert node.look_and_tell(mark + 10**6).keys() == set(node.ids), "the store was put back: all is told"


def test_a_new_store_tells_all_whatever_the_one_before_it_told(node: Node, tmp_path: Path) -> None:
    node.look_and_tell()
    mark = node.use.told(0)["mark"]
    (tmp_path / "again").mkdir()
    again = Node(tmp_path / "again")
    assert again.look_and_tell(mark).keys() == set(again.ids)


def test_a_round_goes_on_where_it_stopped_and_rests_when_it_is_over(node: Node) -> None:
    node.use.look(seconds=0.000001, every=3600)
    first = node.use.told(0)
    assert 0 < len(first["use"]) < COUNT
    assert first["whole_seconds"] is None
    assert len(node.look_and_tell(first["mark"], every=3600)) == COUNT - len(first["use"])
    assert node.use.told(0)["whole_seconds"] < 60
    node.deliver(node.ids[0], LONG_AGO + 5)
    assert node.look_and_tell(every=3600).keys() == set(node.ids)
    assert node.asked == []


def test_while_dovecot_is_away_nothing_is_said_to_be_unknown_and_the_round_goes_on_later(node: Node) -> None:
    node.away = True
    assert node.look_and_tell(every=3600) == {}
    node.away = False
    assert len(node.look_and_tell(every=3600)) == COUNT


def test_what_changed_a_moment_ago_or_cannot_be_read_is_looked_at_again(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    maildir = node.root / node.ids[0][:2] / node.ids[0] / "Maildir"
    assert looks_of(maildir)
    (maildir / "new" / "1").touch()
    assert looks_of(maildir) == ""
    assert looks_of(maildir / "none") == "none"
    monkeypatch.setattr(node.use, "_ask", lambda _addresses: {})
    node.use.look(seconds=60, every=0)
    assert set(node.use.told(0)["use"].values()) == {0, mail_use.UNKNOWN}
    monkeypatch.undo()
    assert node.look_and_tell()[node.ids[2]] == 7


def test_rows_of_odd_values_and_gone_mailboxes_are_no_trouble(node: Node) -> None:
    node.look_and_tell()
    with sqlite3.connect(node.store.connection.execute("PRAGMA database_list").fetchone()[2]) as other:
        other.execute("UPDATE mailbox SET id = '../../etc', address = 'a\nb' WHERE id = ?", (node.ids[0],))
        other.execute("DELETE FROM mailbox WHERE id = ?", (node.ids[1],))
    assert node.look_and_tell().keys() == set(node.ids[2:])
