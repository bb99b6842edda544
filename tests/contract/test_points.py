"""An agent killed at each named point: sending the batch again does it once, and the node is whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from provisioning.resources import Alias, Item, Mailbox, to_wire
from provisioning.ssh import OutcomeUnknown
from tests.contract.kinds import mailbox, new_address
from tests.contract.mail_client import gone
from tests.contract.node import AgentUnderTest, new_id
from tests.faults.host import PROGRAM, Host

pytestmark = pytest.mark.filterwarnings("default::ResourceWarning")  # a killed agent leaves its socket to the collector
POINTS = ("stage", "validate", "commit", "reload", "report")
COMMITTED = ("commit", "reload", "report")
KEPT = "/root/agent.pyz.kept"


@pytest.mark.parametrize("point", POINTS)
def test_a_batch_whose_agent_was_killed_is_done_once(mail: AgentUnderTest, host: Host, point: str) -> None:
    items, untouched = changes(mail)
    before = mail.ask(op="survey")["kinds"]
    host.at(point, "kill")
    batch = new_id()
    with pytest.raises(OutcomeUnknown):
        mail.send(items, batch=batch)
    assert host.fault_happened()
    if point not in COMMITTED:
        assert mail.ask(op="survey")["kinds"] == before
        assert mail.ask(op="outcomes", batch=batch)["known"] is False
    reply = mail.reply_to(items, batch=batch)
    assert [one["outcome"] for one in reply["outcomes"]] == ["applied"] * len(items)
    assert reply["replayed"] is (point in COMMITTED)
    assert_whole(mail, host, items, untouched, batch)


@pytest.mark.parametrize("point", COMMITTED)
def test_the_next_session_finishes_what_was_committed(mail: AgentUnderTest, host: Host, point: str) -> None:
    """Nobody sends the batch again: that an agent starts is enough."""
    items, untouched = changes(mail)
    host.at(point, "kill")
    batch = new_id()
    with pytest.raises(OutcomeUnknown):
        mail.send(items, batch=batch)
    reply = mail.ask(op="outcomes", batch=batch)
    assert [one["outcome"] for one in reply["outcomes"]] == ["applied"] * len(items)
    assert_whole(mail, host, items, untouched, batch)


@pytest.mark.parametrize("point", POINTS)
def test_an_agent_that_waits_hinders_nobody_for_good(mail: AgentUnderTest, host: Host, point: str) -> None:
    """The link is cut while the agent waits; another one does the batch, and the first one's end changes nothing."""
    items, untouched = changes(mail)
    host.at(point, "wait")
    batch = new_id()
    with pytest.raises(OutcomeUnknown):
        mail.node.session().request({**request(mail, items), "batch": batch}, 1.0)
    host.await_waiting()
    host.go_on()
    reply = mail.reply_to(items, batch=batch)
    assert [one["outcome"] for one in reply["outcomes"]] == ["applied"] * len(items)
    assert_whole(mail, host, items, untouched, batch)


def test_a_rollback_that_was_killed_is_finished_with_the_next_batch(mail: AgentUnderTest, host: Host) -> None:
    box = mailbox()
    mail.make(box)
    batch = new_id()
    mail.make(replace(box, generation=2, address=new_address()), batch=batch)
    host.at("reload", "kill")
    done = mail.lab.exec(mail.node.state.name, ["cis-node", "rollback", batch, "--yes"])
    assert done.returncode != 0
    mail.make(mailbox())
    found = mail.ask(op="keys", kind="mailbox", shards=[box.id[-2:]])["items"][box.id]
    assert (found["name"], found["served"], found["generation"]) == (box.address, True, 1)
    assert mail.ask(op="survey")["foreign"] == []
    assert host.rows()["todo"] == []


def changes(mail: AgentUnderTest) -> tuple[list[Item], Mailbox]:
    """Make four mailboxes; return a change of each kind to three of them, and the fourth."""
    renamed, removed, purged, untouched = (mailbox() for _ in range(4))
    mail.make(renamed, removed, purged, untouched)
    moved = replace(renamed, generation=2, address=new_address())
    alias = Alias(id=new_id(), generation=1, address=renamed.address, target=moved.address)
    return [mailbox(), moved, alias, gone(removed), replace(gone(purged), purge=True)], untouched


def request(mail: AgentUnderTest, items: list[Item]) -> dict[str, object]:
    return {"op": "apply", "fence": mail.fence, "items": [to_wire(item) for item in items]}


def assert_whole(mail: AgentUnderTest, host: Host, items: list[Item], untouched: Mailbox, batch: str) -> None:
    """Rows and maps are in step, everything is there once, and the batch can be undone once."""
    rows = host.rows()
    new, moved, alias, removed, purged = items
    assert isinstance(new, Mailbox)
    assert isinstance(moved, Mailbox)
    assert isinstance(alias, Alias)
    assert rows["todo"] == []
    ids = [row[0] for row in rows["mailbox"]]
    assert [ids.count(item.id) for item in (new, moved, untouched, removed, purged)] == [1, 1, 1, 0, 0]
    names = [rows["mailboxes"].count(item.address) for item in (new, moved, untouched)]
    assert (names, rows["aliases"].count(alias.address)) == ([1, 1, 1], 1)
    assert mail.ask(op="survey")["foreign"] == []
    keys = mail.ask(op="keys", kind="mailbox", shards=[new.id[-2:], moved.id[-2:]])["items"]
    assert keys[new.id]["served"]
    assert keys[moved.id]["served"]
    listed = host.run("cis-node", "batches")
    assert listed.count(batch) == 1


@pytest.fixture(scope="module")
def host(mail: AgentUnderTest) -> Iterator[Host]:
    """The tests' node with an agent that dies or waits where it is told to; its own one is put back."""
    host = Host(mail.lab, mail.node)
    host.run("cp", PROGRAM, KEPT)
    host.put_faulty_agent()
    session = mail.node.session()
    session.close()
    yield host
    host.run("sh", "-c", f"rm -f /run/cis-fault*; mv {KEPT} {PROGRAM}")
    session.close()
