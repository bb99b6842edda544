"""What the agent tells of its rows, whatever somebody wrote into them."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning import wire
from provisioning.agent.adapters import mail_queue
from provisioning.agent.adapters.contract import Foreign
from provisioning.agent.diagnose import certificate_expires_at
from provisioning.agent.placed import look, with_content
from provisioning.resources import Mailbox, MailDomain
from provisioning.shards import ShardDigest, line, line_of, shard_digest, shard_of
from tests.provisioning.agent.test_engine import Panel, domain, gone, panel

__all__ = ["panel"]

ODD = st.none() | st.integers(-5, 5) | st.floats(-5, 5) | st.text(max_size=9) | st.binary(max_size=9)


def test_the_survey_of_what_is_wanted_is_what_the_panel_works_out_by_itself(panel: Panel) -> None:
    items: list[MailDomain | Mailbox] = [*map(domain, range(300)), box(1), box(2)]
    panel.send(*items)
    kinds = panel.ask({"op": "survey"})["kinds"]
    assert kinds["mail_domain"] == {"count": 300, "generations": 300, "shards": shards(items[:300])}
    assert kinds["mailbox"] == {"count": 2, "generations": 2, "shards": shards(items[300:])}
    assert kinds["alias"] == {"count": 0, "generations": 0, "shards": {}}


def test_a_generation_alone_changes_no_shard_and_shows_in_the_keys(panel: Panel) -> None:
    panel.send(domain(1))
    before = panel.ask({"op": "survey"})["kinds"]["mail_domain"]
    panel.store.connection.execute("UPDATE mail_domain SET generation = 7")
    assert panel.ask({"op": "survey"})["kinds"]["mail_domain"] == before | {"generations": 7}
    keys = panel.ask({"op": "keys", "kind": "mail_domain", "shards": ["01"]})["items"]
    assert keys == {
        domain(1).id: {"generation": 7, "digest": domain(1).digest(), "name": "d1.test", "served": True},
    }
    assert panel.ask({"op": "keys", "kind": "mail_domain", "shards": ["02"]})["items"] == {}


def test_what_is_not_served_differs_from_what_is_wanted(panel: Panel) -> None:
    panel.send(domain(1), domain(2))
    panel.adapter.unserved = {domain(1).id}
    found = panel.ask({"op": "survey"})["kinds"]["mail_domain"]["shards"]
    wanted = shards([domain(1), domain(2)])
    assert found["01"] != wanted["01"]
    assert found["02"] == wanted["02"]
    assert not panel.ask({"op": "keys", "kind": "mail_domain", "shards": ["01"]})["items"][domain(1).id]["served"]


def test_foreign_rows_are_counted_and_a_thousand_of_them_told(panel: Panel) -> None:
    panel.adapter.foreign = [Foreign("aliases", f"a{number}@x.test", "y") for number in range(1500)]
    survey = panel.ask({"op": "survey"})
    assert (survey["foreign_count"], len(survey["foreign"])) == (1500, 1000)
    assert survey["foreign"][0] == {"map": "aliases", "key": "a0@x.test", "value": "y"}


def test_what_is_read_can_be_sent_again(panel: Panel) -> None:
    panel.send(box(1), domain(2))
    items = panel.ask({"op": "read", "kind": "mailbox", "ids": [box(1).id, box(9).id]})["items"]
    request = panel.request() | {"items": items}
    assert panel.ask(request)["outcomes"][0]["outcome"] == "unchanged"


def test_the_known_generations_are_those_of_rows_and_of_removals(panel: Panel) -> None:
    panel.send(domain(1), domain(2))
    panel.send(gone(2))
    known = panel.ask({"op": "known", "kind": "mail_domain"})
    assert (known["items"], known["gone"]) == ({domain(1).id: 1}, {domain(2).id: 2})


@pytest.mark.parametrize(
    ("request_", "where"),
    [
        ({"op": "keys", "kind": "x", "shards": []}, "kind"),
        ({"op": "keys", "kind": "mailbox", "shards": [1]}, "shards"),
        ({"op": "read", "kind": "mailbox", "ids": "x"}, "ids"),
        ({"op": "known"}, "kind"),
        ({"op": "use", "after": -1, "seconds": 1, "every": 1}, "after"),
        ({"op": "use", "after": 0, "seconds": 11, "every": 1}, "seconds"),
        ({"op": "use", "after": 0, "seconds": 1, "every": True}, "every"),
        ({"op": "drop", "fence": 1, "foreign": ["x"]}, "foreign"),
        ({"op": "drop", "fence": 1, "foreign": [{"map": "aliases"}]}, "foreign"),
        ({"op": "drop", "foreign": []}, "fence"),
    ],
)
def test_a_bad_question_names_the_field(panel: Panel, request_: dict[str, object], where: str) -> None:
    reply = panel.ask(request_)
    assert (reply["error"], reply["message"]) == ("bad_request", where)


def test_what_was_given_up_is_kept_in_the_nodes_own_log(panel: Panel) -> None:
    panel.adapter.foreign = [Foreign("aliases", "a@x.test", "y@x.test")]
    named = [{"map": "aliases", "key": "a@x.test"}, {"map": "aliases", "key": "ours@x.test"}]
    dropped = panel.ask({"op": "drop", "fence": 3, "foreign": named})["dropped"]
    assert dropped == [{"map": "aliases", "key": "a@x.test", "value": "y@x.test"}]
    assert panel.log_lines()[-1]["dropped"] == dropped
    assert panel.ask({"op": "drop", "fence": 2, "foreign": named})["error"] == "stale_fence"


@settings(max_examples=40, deadline=None)
@given(values=st.tuples(ODD, ODD, ODD, ODD, ODD))
def test_no_edit_by_hand_stops_the_agent_from_telling(
    tmp_path_factory: pytest.TempPathFactory, values: tuple[object, ...]
) -> None:
    """Rows of any values are surveyed, listed and read, and the answers can go over the wire."""
    panel = Panel(tmp_path_factory.mktemp("odd"))
    panel.send(box(1), box(2))
    edit = "UPDATE OR IGNORE mailbox SET generation = coalesce(?, 'x'), address = coalesce(?, ''), login ="
    panel.store.connection.execute(
        f"{edit} coalesce(?, ''), password_hash = ?, quota_mb = coalesce(?, 0) WHERE id = ?", (*values, box(1).id)
    )
    assert panel.ask({"op": "survey"})["kinds"]["mailbox"]["count"] == 2
    for request in (
        {"op": "keys", "kind": "mailbox", "shards": ["01", "02"]},
        {"op": "read", "kind": "mailbox", "ids": [box(1).id]},
        {"op": "known", "kind": "mailbox"},
    ):
        reply = panel.ask(request)
        assert reply["ok"]
        assert reply["items"]
        wire.encode(reply)
    assert panel.send(replace(box(1), generation=99))["outcomes"][0]["outcome"] == "applied"
    assert panel.ask({"op": "survey"})["kinds"]["mailbox"]["shards"] == shards([box(1), box(2)])
    panel.store.close()


@settings(deadline=None)
@given(st.lists(st.uuids().map(str), unique=True, max_size=200))
def test_a_digest_made_line_by_line_is_the_same(ids: list[str]) -> None:
    digest = ShardDigest()
    for id_ in sorted(ids):
        digest.add(line_of("mailbox", id_, "x"))
    assert digest.finish() == (len(ids), shard_digest(line_of("mailbox", id_, "x") for id_ in ids))


def test_only_the_same_values_have_the_same_line() -> None:
    values = ["a@b.c", b"a@b.c", None, "None", "", 1, "1", 1.0, "a', 'b", "\0"]
    assert len({line_of("mailbox", "x", value) for value in values}) == len(values)
    assert line_of("mailbox", "x", "a", "b") != line_of("mailbox", "x", "a', 'b")


def test_protocols_are_agreed_on(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provisioning.agent.diagnose.facts", lambda: {"protocols": [1, 2, 3, 4, 5]})
    assert panel.ask({"op": "hello"})["protocol"] == 1
    assert panel.ask({"op": "hello", "protocols": [1, 2, 3, 4, 5, 6]})["protocol"] == 5
    refused = panel.ask({"op": "hello", "protocols": [6]})
    assert (refused["ok"], refused["error"], refused["protocols"]) == (False, "protocol", [1, 2, 3, 4, 5])


def test_health_tells_what_a_node_page_needs(panel: Panel) -> None:
    health = panel.ask({"op": "health"})
    assert health["disks"][0]["path"] == "/"
    assert 0 < health["memory"]["available"] < health["memory"]["total"]
    assert (len(health["load"]), health["queue"]["active"]) == (3, 0)
    json.dumps(health)


def test_messages_are_counted_through_the_folders_of_a_queue(tmp_path: Path) -> None:
    for name in ("active/a", "deferred/0/b", "deferred/F/c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert mail_queue.count(tmp_path) == {"active": 1, "deferred": 2, "incoming": 0, "hold": 0}


def test_without_a_certificate_there_is_no_end_of_it(tmp_path: Path) -> None:
    assert certificate_expires_at(tmp_path / "none.pem") is None


def test_a_file_is_as_written_only_by_content_owner_and_mode(tmp_path: Path) -> None:
    path = tmp_path / "main.cf"
    path.write_bytes(b"as written\n")
    path.chmod(0o644)
    wanted = [with_content(path, 0o644, b"as written\n")]
    assert look(wanted) == {str(path): True}
    path.chmod(0o666)
    assert look(wanted) == {str(path): False}
    path.chmod(0o644)
    path.write_bytes(b"as wriTten\n")
    assert look(wanted) == {str(path): False}
    path.unlink()
    path.symlink_to("/etc/hostname")
    assert look(wanted) == {str(path): False}


def box(number: int) -> Mailbox:
    return Mailbox(
        id=str(uuid.UUID(int=number)),
        generation=1,
        address=f"u{number}@d1.test",
        login="waiting",
        password_hash=None,
        quota_mb=100,
    )


def shards(items: Sequence[MailDomain | Mailbox]) -> dict[str, str]:
    """What the panel expects of a node that has just these."""
    lines: dict[str, list[str]] = defaultdict(list)
    for item in items:
        lines[shard_of(item.id)].append(line(item))
    return {shard: shard_digest(texts) for shard, texts in lines.items()}
