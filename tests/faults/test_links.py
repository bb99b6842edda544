"""Links that break in every way between a real worker and a real node: nothing lost, nothing done twice, told truly."""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from panel.kernel.access import SYSTEM
from panel.mail.actions import create_mailbox
from provisioning.agent.build import build_zipapp
from provisioning.ssh import AgentTooOld
from tests.checks.files import ROOT
from tests.faults.host import NAME, PROGRAM, Host
from tests.faults.installation import Installation

CUT = """table inet cut {
    chain arriving { type filter hook input priority -10; %s }
    chain leaving { type filter hook output priority -10; %s }
}"""
STOP_SSHD = "pid=$(cat /run/sshd.pid); kill $pid; while [ -e /proc/$pid ]; do sleep 0.02; done"


def test_an_sshd_that_is_stopped_and_started_again_costs_only_time(panel: Installation) -> None:
    panel.start_worker()
    panel.host.run("sh", "-c", f"{STOP_SSHD}; pkill -KILL -f '^sshd: cis-agent' || true")
    box = _new(panel)
    panel.await_true(lambda: panel.node().problem_code == "unreachable")
    assert panel.boxes()[box].state != "active"

    panel.host.run("/usr/sbin/sshd")

    panel.settle()
    _once(panel, box)
    panel.await_true(lambda: panel.node().problem_code is None)


def test_an_sshd_restarted_while_sessions_are_warm_is_not_noticed(panel: Installation) -> None:
    panel.start_worker()
    first = _new(panel)
    panel.settle()
    panel.host.run("sh", "-c", f"pkill -KILL -f '^sshd: cis-agent'; {STOP_SSHD}; /usr/sbin/sshd")

    second = _new(panel)

    panel.settle()
    _once(panel, first, second)


def test_an_sshd_that_takes_ten_seconds_is_waited_for_or_told(panel: Installation) -> None:
    with _stopped_sshd(panel.host, seconds=10.0):
        panel.start_worker()
        box = _new(panel)
    panel.settle()
    _once(panel, box)


def test_a_link_that_is_half_open_is_given_up_and_another_opened(panel: Installation) -> None:
    panel.start_worker()
    first = _new(panel)
    panel.settle()
    with _filtered(panel.host, arriving="tcp dport 22 ct state established drop;"):
        second = _new(panel)
        panel.await_true(lambda: panel.node().problem_code in ("unreachable", "outcome_unknown"))
        assert panel.boxes()[second].state != "active"
    panel.settle()
    _once(panel, first, second)


def test_a_link_cut_after_sending_is_read_back_and_nothing_is_done_twice(panel: Installation) -> None:
    panel.start_worker()
    panel.host.at("commit", "wait")
    box = _new(panel)
    panel.host.await_waiting()
    with _filtered(panel.host, leaving="tcp sport 22 drop;"):
        panel.host.go_on()
        panel.await_true(lambda: panel.node().problem_code is not None)
        panel.await_true(lambda: str(box) in {row[0] for row in panel.host.rows()["mailbox"]})
        assert panel.boxes()[box].state != "active"
    panel.settle()
    _once(panel, box)


def test_an_agent_of_the_first_protocol_still_gets_its_changes(panel: Installation, first_agent: None) -> None:
    panel.start_worker()
    box = _new(panel)
    panel.settle()

    _once(panel, box)
    session = panel.host.node.session()
    session.request({"op": "hello"}, 10)
    assert session.protocol == 1
    with pytest.raises(AgentTooOld, match="survey"):
        session.request({"op": "survey"}, 10, since=2)


def test_an_agent_whose_protocol_is_gone_is_sent_nothing(panel: Installation, future_agent: None) -> None:
    panel.start_worker()
    box = _new(panel)
    panel.await_true(lambda: panel.node().problem_code == "agent_too_new")

    panel.await_true(lambda: _waits_for(panel, "agent_too_new"))
    assert str(box) not in {row[0] for row in panel.host.rows()["mailbox"]}


@pytest.fixture
def first_agent(faulty_host: Host) -> Iterator[None]:
    with _speaking(faulty_host, "(1,)"):
        yield


@pytest.fixture
def future_agent(faulty_host: Host) -> Iterator[None]:
    with _speaking(faulty_host, "(6, 7)"):
        yield


@contextmanager
def _speaking(host: Host, protocols: str) -> Iterator[None]:
    """Have the agent speak these versions only, as a program of another time would."""
    source = (ROOT / "provisioning/wire.py").read_text()
    other = source.replace("PROTOCOLS = (1, 2, 3, 4, 5)", f"PROTOCOLS = {protocols}", 1)
    assert other != source
    had = host.lab.exec(NAME, ["cat", PROGRAM]).stdout
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "agent.pyz")
        build_zipapp(program, replace={"wire.py": other.encode()})
        _install(host, program.read_bytes())
    try:
        yield
    finally:
        _install(host, had)


@contextmanager
def _filtered(host: Host, *, arriving: str = "", leaving: str = "") -> Iterator[None]:
    """Let packets vanish as a broken wire does: no reset, no end."""
    host.run("nft", "-f", "-", stdin=(CUT % (arriving, leaving)).encode())
    try:
        yield
    finally:
        host.run("nft", "delete", "table", "inet", "cut")


@contextmanager
def _stopped_sshd(host: Host, *, seconds: float) -> Iterator[None]:
    """An sshd that accepts at once and says nothing for a while."""
    host.run("sh", "-c", "kill -STOP $(cat /run/sshd.pid)")
    begun = time.monotonic()
    try:
        yield
        time.sleep(max(0.0, begun + seconds - time.monotonic()))
    finally:
        host.run("sh", "-c", "kill -CONT $(cat /run/sshd.pid)")


def _new(panel: Installation) -> uuid.UUID:
    address = f"l{uuid.uuid4().hex[:10]}@{panel.domain}"
    return create_mailbox(SYSTEM, member_id=panel.member_id, address=address).mailbox.id


def _waits_for(panel: Installation, why: str) -> bool:
    """Whether the newest job is in the queue again, and its log says why."""
    job = panel.jobs()[-1]
    return job.state == "queued" and bool(job.log) and job.log[-1]["text"] == why


def _once(panel: Installation, *boxes: uuid.UUID) -> None:
    """Each is active, stands on the node once, and was applied by one batch."""
    rows = [row[0] for row in panel.host.rows()["mailbox"]]
    for box in boxes:
        assert panel.boxes()[box].state == "active", panel.what_happened()
        assert rows.count(str(box)) == 1


def _install(host: Host, program: bytes) -> None:
    host.run("sh", "-c", f"cat > {PROGRAM}.new && mv {PROGRAM}.new {PROGRAM}", stdin=program)
    host.lab.exec(NAME, ["pkill", "-KILL", "-f", "agent.pyz serve"])
