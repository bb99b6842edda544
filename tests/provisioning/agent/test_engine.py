from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioning.agent import bounds
from provisioning.agent.adapters import mail_rows
from provisioning.agent.adapters.contract import Late, Verdict
from provisioning.agent.engine import Engine
from provisioning.agent.oplog import OperationLog
from provisioning.agent.store import BATCHES_KEPT_SECONDS, NotSetUp, Store, StoreBusy
from provisioning.resources import Gone, Item, MailDomain, to_wire
from tests.provisioning.agent.memory_adapter import MemoryAdapter

APPROVAL = "a" * 64


def test_a_batch_is_answered_and_logged_without_its_values(panel: Panel) -> None:
    reply = panel.send(domain(1))
    assert [one["outcome"] for one in reply["outcomes"]] == ["applied"]
    (line,) = panel.log_lines()
    assert (line["what"], line["applied"], line["fence"]) == ("batch", 1, 1)
    assert "d1.test" not in json.dumps(line)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"op": "shell"}, "op"),
        ({"op": ["apply"]}, "op"),
        ({"batch": "x"}, "batch"),
        ({"batch": 7}, "batch"),
        ({"fence": "1"}, "fence"),
        ({"fence": True}, "fence"),
        ({"items": {}}, "items"),
        ({"approved": "yes"}, "approved"),
        ({"watch": []}, "watch"),
        ({"repair": 1}, "repair"),
    ],
)
def test_a_bad_request_names_the_field_and_changes_nothing(panel: Panel, change: dict[str, Any], where: str) -> None:
    reply = panel.ask(panel.request(domain(1)) | change)
    assert (reply["ok"], reply["error"], reply["message"]) == (False, "bad_request", where)
    assert panel.count("mail_domain") == 0


def test_a_resource_twice_in_a_batch_is_a_bad_request(panel: Panel) -> None:
    assert panel.send(domain(1), domain(1))["error"] == "bad_request"


def test_an_unexpected_error_tells_its_type_only_and_undoes_the_batch(panel: Panel) -> None:
    panel.adapter.fault = RuntimeError("{ARGON2ID}secret")
    reply = panel.send(domain(1))
    assert (reply["error"], reply["message"]) == ("internal", "RuntimeError")
    panel.adapter.fault = None
    assert panel.send(domain(1), batch=panel.last_batch)["replayed"] is False


def test_a_store_in_other_hands_is_busy(panel: Panel) -> None:
    panel.adapter.fault = StoreBusy()
    assert panel.send(domain(1))["error"] == "busy"


def test_removing_fifty_and_more_than_a_fifth_needs_an_approval(panel: Panel) -> None:
    panel.send(*map(domain, range(200)))
    many = [gone(number) for number in range(60)]
    refused = panel.send(*many)
    assert (refused["error"], refused["what"]) == ("guard", "removed:mail_domain")
    assert panel.count("mail_domain") == 200
    assert panel.send(*many[:49])["ok"]
    assert panel.send(*many, approved=APPROVAL)["ok"]
    assert panel.log_lines()[-1]["approved"] == APPROVAL
    assert panel.log_lines()[1]["what"] == "over_bounds"


def test_small_batches_do_not_get_around_the_bound(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "REMOVED_PER_HOUR", 80)
    panel.send(*map(domain, range(200)))
    assert panel.send(*(gone(number) for number in range(40)))["ok"]
    assert panel.send(*(gone(number) for number in range(40, 85)))["error"] == "guard"


def test_what_was_approved_does_not_count_towards_the_hour(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "REMOVED_PER_HOUR", 80)
    panel.send(*map(domain, range(200)))
    assert panel.send(*(gone(number) for number in range(75)), approved=APPROVAL)["ok"]
    assert panel.send(*(gone(number) for number in range(75, 95)))["ok"]


def test_password_changes_are_bounded_by_the_hour(panel: Panel) -> None:
    panel.adapter.paces = {"password_changes": bounds.PASSWORDS_PER_HOUR}
    assert panel.send(domain(1))["ok"]
    panel.adapter.paces = {"password_changes": 1}
    refused = panel.send(domain(2))
    assert (refused["error"], refused["what"]) == ("guard", "password_changes")
    assert panel.send(domain(2), approved=APPROVAL)["ok"]


def test_giving_up_foreign_rows_is_bounded_by_the_hour(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "DROPPED_PER_HOUR", 3)
    named = [{"map": "aliases", "key": f"a{number}@x.test"} for number in range(2)]
    assert panel.ask({"op": "drop", "fence": 1, "foreign": named})["ok"]
    refused = panel.ask({"op": "drop", "fence": 1, "foreign": named})
    assert (refused["error"], refused["what"]) == ("guard", "dropped")


def test_a_repair_writes_again_what_is_there_and_says_so_in_the_log(panel: Panel) -> None:
    panel.send(domain(1))
    assert panel.send(domain(1))["outcomes"][0]["outcome"] == "unchanged"
    assert panel.send(domain(1), repair=True)["outcomes"][0]["outcome"] == "applied"
    assert [line.get("repair") for line in panel.log_lines()] == [None, None, True]


def test_what_cannot_be_logged_does_not_happen(panel: Panel) -> None:
    panel.log.symlink_to("/dev/null")  # a link is not written to
    assert panel.send(domain(1))["error"] == "internal"
    assert panel.count("mail_domain") == 0
    panel.log.unlink()
    assert panel.send(domain(1))["ok"]


def test_what_could_not_be_finished_is_failed_until_it_is(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows are committed and the services are not told: never *applied*, whoever asks."""
    with monkeypatch.context() as patched:
        patched.setattr(panel.adapter, "finish", raise_full)
        assert panel.send(domain(1))["outcomes"][0]["code"] == "unfinished"
        request = {"op": "outcomes", "batch": panel.last_batch}
        assert panel.ask(request)["outcomes"][0]["outcome"] == "failed"
    assert panel.ask(request)["outcomes"][0]["outcome"] == "applied"


def test_what_fails_after_the_commit_is_failed_also_in_the_record(panel: Panel) -> None:
    panel.send(domain(1))
    first = panel.last_batch
    panel.adapter.late = [
        Late(("mail_domain", domain(1).id), first, Verdict("failed", "map", "disk full")),
        Late(("mail_domain", domain(2).id), "this", Verdict("failed", "map", "disk full")),
    ]
    outcomes = panel.send(domain(1), domain(2), domain(3))["outcomes"]
    assert [one["outcome"] for one in outcomes] == ["failed", "failed", "applied"]
    assert outcomes[0]["message"] == "disk full"
    assert panel.ask({"op": "outcomes", "batch": first})["outcomes"][0]["outcome"] == "failed"
    assert panel.ask({"op": "outcomes", "batch": panel.last_batch})["outcomes"] == outcomes


def test_batches_are_kept_seven_days(panel: Panel) -> None:
    panel.send(domain(1))
    old = panel.last_batch
    panel.store.connection.execute("UPDATE batch SET at = at - ?", (BATCHES_KEPT_SECONDS - 60,))
    panel.send(domain(2))
    assert panel.ask({"op": "outcomes", "batch": old})["known"]
    panel.store.connection.execute("UPDATE batch SET at = at - ?", (BATCHES_KEPT_SECONDS + 60,))
    panel.send(domain(3))
    assert not panel.ask({"op": "outcomes", "batch": old})["known"]


def test_a_fence_only_grows(panel: Panel) -> None:
    assert panel.send(domain(1), fence=5)["ok"]
    assert panel.send(domain(2), fence=4)["error"] == "stale_fence"
    assert panel.ask({"op": "watch", "fence": 4, "watch": {}})["error"] == "stale_fence"
    assert panel.send(domain(2), fence=5)["ok"]
    assert panel.store.fence() == 5


def test_a_row_somebody_broke_is_repaired_by_the_same_generation(panel: Panel) -> None:
    panel.send(domain(1))
    panel.store.connection.execute("UPDATE mail_domain SET name = '../etc'")
    assert panel.send(domain(1))["outcomes"][0]["outcome"] == "applied"
    assert panel.send(domain(1))["outcomes"][0]["outcome"] == "unchanged"


def test_without_its_file_the_agent_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotSetUp):
        Store(tmp_path / "none.sqlite")


class Panel:
    """Asks an engine as the panel would."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "mail.sqlite", schema=[mail_rows.SCHEMA], create=True)
        self.adapter = MemoryAdapter()
        self.log = folder / "agent.log"
        self.engine = Engine(self.store, self.adapter, OperationLog(self.log))
        self.last_batch = ""

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        return self.engine.handle(request)

    def request(self, *items: Item) -> dict[str, Any]:
        self.last_batch = str(uuid.uuid4())
        return {"op": "apply", "fence": 1, "batch": self.last_batch, "items": [to_wire(item) for item in items]}

    def send(self, *items: Item, **more: Any) -> dict[str, Any]:
        return self.ask(self.request(*items) | more)

    def count(self, kind: str) -> int:
        with self.store.write() as tx:
            return mail_rows.count(tx, kind)

    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[Panel]:
    panel = Panel(tmp_path)
    yield panel
    panel.store.close()


def raise_full() -> list[Late]:
    raise sqlite3.OperationalError("database or disk is full")


def domain(number: int) -> MailDomain:
    return MailDomain(id=str(uuid.UUID(int=number)), generation=1, name=f"d{number}.test")


def gone(number: int) -> Gone:
    return Gone(kind="mail_domain", id=str(uuid.UUID(int=number)), generation=2)
