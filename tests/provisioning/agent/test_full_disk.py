"""A node whose disk is full: a clean refusal, nothing half-made, and all is well once there is room."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from provisioning.lab import Lab
from provisioning.resources import Mailbox, MailDomain, to_wire
from provisioning.ssh import AgentError, AgentSession, OutcomeUnknown
from tests.faults.host import Host
from tests.nodes import enroll_lab_node

STORE, MAPS, LOG = "/var/lib/cis/mail", "/etc/postfix/cis", "/var/log/cis-agent.log"
MANY = 4_000
DOMAIN = MailDomain(id=str(uuid.UUID(int=1)), generation=1, name="full.test")


def test_no_room_for_the_rows_is_told_and_leaves_nothing(node: Node) -> None:
    boxes = [box() for _ in range(MANY)]
    before = node.session.request({"op": "survey"}, 60)
    with node.full(STORE):
        with pytest.raises(AgentError) as error:
            node.apply(*boxes)
        assert (error.value.code, str(error.value)) == ("internal", "SQLITE_FULL")
        assert node.session.request({"op": "survey"}, 60) == before
    assert node.apply(*boxes) == {"applied"}
    assert node.in_order()


def test_no_room_for_the_maps_is_failed_and_done_when_there_is(node: Node) -> None:
    boxes = [box() for _ in range(MANY)]
    with node.full(MAPS):
        assert node.apply(*boxes) == {"failed"}
        assert not node.in_order()
    assert node.apply(*boxes) == {"unchanged"}
    assert node.in_order()


def test_no_room_after_the_commit_is_failed_and_done_when_there_is(node: Node) -> None:
    """Filled while the agent stands between its commit and the services: what was done cannot be noted."""
    boxes = [box() for _ in range(MANY)]
    node.host.put_faulty_agent()
    node.session.close()
    node.session.request({"op": "hello"}, 60)
    node.host.at("commit", "wait")
    request = node.request(*boxes)
    with pytest.raises(OutcomeUnknown):
        node.session.request(request, 3.0)
    node.host.await_waiting()
    with node.full(STORE):
        node.host.go_on()
        outcomes = {one["outcome"] for one in node.session.request(request, 120)["outcomes"]}
        # What was written before may be written over, so a little room there is; either is the truth.
        assert outcomes in ({"failed"}, {"applied"})
    assert {one["outcome"] for one in node.session.request(request, 120)["outcomes"]} == {"applied"}
    assert node.in_order()


def test_a_log_that_cannot_be_written_stops_the_batch(node: Node) -> None:
    one = box()
    node.run(f"mount --bind /dev/full {LOG}")
    try:
        with pytest.raises(AgentError, match="No space left on device"):
            node.apply(one)
    finally:
        node.run(f"umount {LOG}")
    assert one.id not in node.session.request({"op": "known", "kind": "mailbox"}, 120)["items"]
    assert node.apply(one) == {"applied"}


class Node:
    """A node with its rows and its maps on small disks of their own."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        for place, size in ((STORE, "24m"), (MAPS, "12m")):
            self.run(f"mkdir -p {place} && mount -t tmpfs -o size={size} tmpfs {place}")
        self.enrolled = enroll_lab_node(lab.state(), "mail1", folder / "panel")
        self.host = Host(lab, self.enrolled)

    @property
    def session(self) -> AgentSession:
        return self.enrolled.session()

    def request(self, *items: Mailbox | MailDomain) -> dict[str, Any]:
        return {"op": "apply", "fence": 1, "batch": str(uuid.uuid4()), "items": [to_wire(item) for item in items]}

    def apply(self, *items: Mailbox | MailDomain) -> set[str]:
        return {one["outcome"] for one in self.session.request(self.request(*items), 120)["outcomes"]}

    def in_order(self) -> bool:
        """Whether rows and maps agree and nothing is left to do."""
        return self.lab.exec("mail1", ["cis-node", "verify"]).returncode == 0

    @contextmanager
    def full(self, place: str) -> Iterator[None]:
        """Fill a disk to its last block for a time."""
        self.run(f"cat /dev/zero > {place}/filler 2>/dev/null; :")
        try:
            yield
        finally:
            self.run(f"rm {place}/filler")

    def run(self, script: str) -> str:
        done = self.lab.exec("mail1", ["sh", "-c", script])
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()


def box() -> Mailbox:
    id_ = str(uuid.uuid4())
    return Mailbox(
        id=id_, generation=1, address=f"u{id_[:13]}@full.test", login="waiting", password_hash=None, quota_mb=1
    )


@pytest.fixture
def node(whole: Node) -> Node:
    return whole


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("full")
    lab = Lab(folder)
    lab.up()
    try:
        node = Node(lab, folder)
        node.apply(DOMAIN)
        yield node
        node.enrolled.sessions.close()
    finally:
        lab.destroy()
