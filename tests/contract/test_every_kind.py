from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from provisioning.resources import FIELDS, Gone, Item, to_wire
from provisioning.shards import shard_of
from provisioning.ssh import OutcomeUnknown
from tests.contract.kinds import KindUnderTest, Put
from tests.contract.node import new_id

pytestmark = pytest.mark.filterwarnings("default::ResourceWarning")  # a killed agent leaves its socket to the collector


def test_what_is_created_is_served(kind: KindUnderTest) -> None:
    item = kind.new()
    assert not kind.served(item)
    assert _outcomes(kind, item) == ["applied"]
    assert kind.served(item)


def test_what_is_changed_is_served_as_changed(kind: KindUnderTest) -> None:
    item = kind.new()
    changed = kind.changed(item)
    kind.agent.make(item)
    assert _outcomes(kind, changed) == ["applied"]
    assert kind.served(changed)
    assert _state(kind, item.id)["generation"] == changed.generation


def test_what_is_removed_is_served_no_more(kind: KindUnderTest) -> None:
    item = kind.new()
    kind.agent.make(item)
    assert _outcomes(kind, kind.gone(item)) == ["applied"]
    assert not kind.served(item)
    assert _state(kind, item.id) == {}


def test_what_was_removed_can_come_back(kind: KindUnderTest) -> None:
    item = kind.new()
    kind.agent.make(item, batch=None)
    kind.agent.make(kind.gone(item))
    kind.agent.make(replace(item, generation=item.generation + 2))
    assert kind.served(item)


def test_twice_is_nothing(kind: KindUnderTest) -> None:
    item = kind.new()
    kind.agent.make(item)
    assert _outcomes(kind, item) == ["unchanged"]
    kind.agent.make(kind.gone(item))
    assert _outcomes(kind, kind.gone(item)) == ["unchanged"]


def test_an_older_generation_is_refused_and_changes_nothing(kind: KindUnderTest) -> None:
    item = kind.new()
    newer = replace(kind.changed(item), generation=9)
    kind.agent.make(newer)
    assert _codes(kind, item) == ["stale_generation"]
    assert _codes(kind, Gone(kind=item.kind, id=item.id, generation=8)) == ["stale_generation"]
    assert kind.served(newer)


def test_what_was_removed_does_not_come_back_by_an_older_generation(kind: KindUnderTest) -> None:
    item = kind.new()
    kind.agent.make(item)
    kind.agent.make(kind.gone(item))
    assert _codes(kind, item) == ["stale_generation"]
    assert _codes(kind, replace(item, generation=item.generation + 1)) == ["stale_generation"]
    assert not kind.served(item)


def test_a_removal_of_what_never_was_is_remembered(kind: KindUnderTest) -> None:
    item = kind.new()
    assert _outcomes(kind, Gone(kind=item.kind, id=item.id, generation=5)) == ["applied"]
    assert _codes(kind, item) == ["stale_generation"]


def test_an_older_fence_is_refused_and_changes_nothing(kind: KindUnderTest) -> None:
    item = kind.new()
    assert kind.agent.error_of([item], fence=kind.agent.fence - 1) == "stale_fence"
    assert not kind.served(item)


def test_a_batch_sent_again_returns_what_it_returned(kind: KindUnderTest) -> None:
    item, batch = kind.new(), new_id()
    first = kind.agent.reply_to([item], batch=batch)
    kind.agent.make(kind.gone(item))
    again = kind.agent.reply_to([item], batch=batch)
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert again["outcomes"] == first["outcomes"]
    assert not kind.served(item)
    assert kind.agent.ask(op="outcomes", batch=batch)["outcomes"] == first["outcomes"]


def test_outcomes_of_an_unknown_batch_are_unknown(kind: KindUnderTest) -> None:
    assert kind.agent.ask(op="outcomes", batch=new_id()) | {"ok": True} == {"ok": True, "known": False, "outcomes": []}


def test_foreign_rows_stay_whatever_we_do(kind: KindUnderTest) -> None:
    foreign, ours = kind.new(), [kind.new() for _ in range(60)]
    kind.plant_foreign(foreign)
    kind.agent.make(*ours)  # so many that the map is rebuilt
    kind.agent.make(kind.changed(ours[0]))
    kind.agent.make(kind.gone(ours[1]))
    assert kind.foreign_is_there(foreign)
    assert all(map(kind.served, ours[2:4]))


def test_what_the_daemon_refuses_is_refused_alone_in_its_words(kind: KindUnderTest) -> None:
    """What passes all our checks and the daemon refuses: a row that somebody else has put into its map."""
    before, poison, after = kind.new(), kind.new(), kind.new()
    kind.plant_foreign(poison)
    outcomes = kind.agent.send([before, poison, after])
    assert [one["outcome"] for one in outcomes] == ["applied", "refused", "applied"]
    assert "duplicate entry" in outcomes[1]["message"]
    assert kind.served(before)
    assert kind.served(after)
    assert kind.foreign_is_there(poison)
    assert _state(kind, poison.id) == {}


def test_what_is_no_resource_is_refused_alone(kind: KindUnderTest) -> None:
    item = kind.new()
    request = {"op": "apply", "fence": kind.agent.fence, "batch": new_id()}
    bodies = [{"do": "put", "kind": item.kind, "id": "../x"}, to_wire(item), {"do": "run"}, 7]
    outcomes = kind.agent.ask(**request, items=bodies)["outcomes"]
    assert sorted(one["outcome"] for one in outcomes) == ["applied", "refused", "refused", "refused"]
    assert kind.served(item)


def test_an_agent_that_dies_after_its_commit_resumes(kind: KindUnderTest) -> None:
    """Stopped between the commit and the daemons' maps: nothing is served yet; the next agent finishes."""
    item, batch = kind.new(), new_id()
    with _MapsHeld(kind):
        sender = threading.Thread(target=_send_in_vain, args=(kind, item, batch))
        sender.start()
        _wait_for_commit(kind, item.id)
        assert not kind.served(item)
        kind.agent.run("pkill", "-9", "-f", "agent.pyz serve")
        sender.join()
        assert not kind.served(item)
    assert kind.agent.ask(op="outcomes", batch=batch)["outcomes"][0]["outcome"] == "applied"
    assert kind.served(item)
    assert kind.agent.reply_to([item], batch=batch)["replayed"]


def test_what_was_edited_by_hand_is_found_and_repaired(kind: KindUnderTest) -> None:
    """What the service reads was changed, and the file's size and times were put back."""
    item = kind.new()
    kind.agent.make(item)
    before = _survey(kind)
    assert _keys(kind, item)[item.id] == {
        "generation": item.generation,
        "digest": item.digest(),
        "name": kind.agent.ask(op="read", kind=kind.name, ids=[item.id])["items"][0][FIELDS[kind.name][0]],
        "served": True,
    }
    kind.spoil(item)
    assert _survey(kind)[shard_of(item.id)] != before[shard_of(item.id)]
    assert not _keys(kind, item)[item.id]["served"]
    assert [one["outcome"] for one in kind.agent.send([item], repair=True)] == ["applied"]
    assert _survey(kind) == before
    assert kind.served(item)


def test_a_lost_row_is_found_and_written_again(kind: KindUnderTest) -> None:
    """What the service still serves does not stand in the way of what belongs there."""
    item = kind.new()
    kind.agent.make(item)
    before = _survey(kind)
    kind.lose_row(item)
    assert item.id not in _keys(kind, item)
    assert _survey(kind) != before
    kind.plant_foreign(kind.new())  # somebody wrote to the map, so the agent reads it anew
    assert [one["outcome"] for one in kind.agent.send([item], repair=True)] == ["applied"]
    assert _survey(kind) == before
    assert kind.served(item)


def test_foreign_things_are_told_and_go_when_a_person_gives_them_up(kind: KindUnderTest) -> None:
    item, other, ours = kind.new(), kind.new(), kind.new()
    kind.agent.make(ours)
    kind.plant_foreign(item)
    kind.plant_foreign(other)
    assert kind.foreign_row(item) in kind.agent.ask(op="survey")["foreign"]
    named = [{key: kind.foreign_row(one)[key] for key in ("map", "key")} for one in (item, ours)]
    dropped = kind.agent.ask(op="drop", fence=kind.agent.fence, foreign=named)["dropped"]
    assert dropped == [kind.foreign_row(item)]
    assert not kind.foreign_is_there(item)
    assert kind.foreign_is_there(other)
    assert kind.served(ours)
    kind.agent.make(item)  # its place is free now


def test_a_batch_is_put_back_on_the_node_alone(kind: KindUnderTest) -> None:
    item, new, removed, batch = kind.new(), kind.new(), kind.new(), new_id()
    kind.agent.make(item, removed)
    before = _survey(kind)
    kind.agent.make(kind.changed(item), new, kind.gone(removed), batch=batch)
    kind.agent.run("cis-node", "rollback", batch, "--yes")
    assert _survey(kind) == before
    assert [kind.served(one) for one in (item, removed, new)] == [True, True, False]
    assert _codes(kind, kind.gone(removed)) == ["rolled_back"]


def test_what_is_known_counts_removals_too(kind: KindUnderTest) -> None:
    item, gone = kind.new(), kind.new()
    kind.agent.make(item, gone)
    kind.agent.make(kind.gone(gone))
    known = kind.agent.ask(op="known", kind=kind.name)
    assert (known["items"][item.id], known["gone"][gone.id]) == (item.generation, gone.generation + 1)
    assert gone.id not in known["items"]


def test_the_node_finds_itself_in_order(kind: KindUnderTest) -> None:
    kind.agent.make(kind.new())
    report = kind.agent.lab.exec(kind.agent.node.state.name, ["cis-node", "verify"]).stdout.decode()
    assert '"missing": 0' in report
    assert '"missing": 1' not in report


def _outcomes(kind: KindUnderTest, *items: Item) -> list[str]:
    return [one["outcome"] for one in kind.agent.send(items)]


def _codes(kind: KindUnderTest, *items: Item) -> list[str]:
    outcomes = kind.agent.send(items)
    assert all(one["outcome"] == "refused" for one in outcomes), outcomes
    return [one["code"] for one in outcomes]


def _survey(kind: KindUnderTest) -> dict[str, str]:
    shards: dict[str, str] = kind.agent.ask(op="survey")["kinds"][kind.name]["shards"]
    return shards


def _keys(kind: KindUnderTest, item: Put) -> dict[str, dict[str, object]]:
    reply = kind.agent.ask(op="keys", kind=kind.name, shards=[shard_of(item.id)])
    items: dict[str, dict[str, object]] = reply["items"]
    return items


def _state(kind: KindUnderTest, id: str) -> dict[str, object]:  # the wire's own word
    items: dict[str, dict[str, object]] = kind.agent.ask(op="state", kind=kind.name, ids=[id])["items"]
    return items.get(id, {})


class _MapsHeld:
    """Hold the lock under which an agent changes the maps: it waits there, its commit behind it."""

    def __init__(self, kind: KindUnderTest) -> None:
        self._agent, self._lock = kind.agent, kind.lock

    def __enter__(self) -> None:
        self._thread = threading.Thread(target=self._hold)
        self._thread.start()
        self._agent.run("sh", "-c", "until [ -e /run/held ]; do sleep 0.02; done")

    def __exit__(self, *_: object) -> None:
        self._agent.run("rm", "/run/held")
        self._thread.join()

    def _hold(self) -> None:
        script = "touch /run/held; while [ -e /run/held ]; do sleep 0.02; done"
        self._agent.run("flock", self._lock, "sh", "-c", script)


def _send_in_vain(kind: KindUnderTest, item: Item, batch: str) -> None:
    with pytest.raises(OutcomeUnknown):
        kind.agent.send([item], batch=batch)


def _wait_for_commit(kind: KindUnderTest, id: str) -> None:  # the wire's own word
    script = (
        "import sqlite3, sys, time\n"
        "db = sqlite3.connect('/var/lib/cis/mail/mail.sqlite')\n"
        "until = time.time() + 60\n"
        "query = 'SELECT 1 FROM ' + sys.argv[2] + ' WHERE id = ?'\n"
        "while not db.execute(query, sys.argv[1:2]).fetchone():\n"
        "    assert time.time() < until\n"
        "    time.sleep(0.02)\n"
    )
    kind.agent.run("python3", "-c", script, id, kind.queue)
