"""A session answers, or says within its deadline what went wrong; on a real node, with an agent that misbehaves."""

from __future__ import annotations

import socket
import statistics
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from provisioning.ssh import (
    AgentError,
    AgentSession,
    AgentTooNew,
    AgentTooOld,
    HostKey,
    HostKeyChanged,
    KeyUnusable,
    OutcomeUnknown,
    ProtocolSkew,
    Refused,
    Sessions,
    Unreachable,
    scan_host_key,
)
from provisioning.ssh.link import Link
from provisioning.wire import PROTOCOLS
from tests.provisioning.conftest import SpareNode, make_key

STUB = Path(__file__).with_name("stub_agent.py")
SLACK = 8.0
"""What a busy machine may add; less than anything that is not waited for here would take."""
SECONDS = 60.0


def test_requests_of_one_session_are_answered_by_one_agent(session: AgentSession) -> None:
    replies = [session.request({"op": "echo", "number": number}, 10) for number in range(3)]

    assert [reply["echo"]["number"] for reply in replies] == [0, 1, 2]
    assert len({reply["pid"] for reply in replies}) == 1


def test_a_warm_request_waits_for_no_delayed_acknowledgement(session: AgentSession) -> None:
    session.request({"op": "echo"}, SECONDS)

    medians = (statistics.median(timed(session) for _ in range(25)) for _ in range(40))

    assert any(median < 0.02 for median in medians), "a delayed acknowledgement takes 40 ms, each time"


def test_large_frames_pass_both_ways(session: AgentSession) -> None:
    text = "ż" * 2_500_000

    assert session.request({"op": "echo", "text": text}, 30)["echo"]["text"] == text


def test_threads_take_turns_and_each_gets_its_own_reply(session: AgentSession) -> None:
    def ask(number: int) -> int:
        return int(session.request({"op": "echo", "number": number}, 20)["echo"]["number"])

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(100))) == list(range(100))


def test_what_the_agent_refuses_is_told_and_the_session_goes_on(session: AgentSession) -> None:
    before = pid(session)

    with pytest.raises(AgentError) as refusal:
        session.request({"op": "refuse"}, 10)

    assert refusal.value.code == "stale_fence"
    assert pid(session) == before


def test_an_agent_that_floods_stderr_is_not_stopped_by_it(session: AgentSession) -> None:
    session.request({"op": "noise", "bytes": 12_000_000}, 30)

    assert session.request({"op": "echo"}, 10)["ok"]


@pytest.mark.parametrize("trouble", ["die", "half", "garbage"])
def test_a_broken_answer_is_an_unknown_outcome_and_a_new_agent_answers_next(
    session: AgentSession, trouble: str
) -> None:
    before = pid(session)

    with within(1 + SLACK), pytest.raises(OutcomeUnknown):
        session.request({"op": trouble}, 1)

    assert pid(session) != before


def test_the_agents_last_words_are_told(session: AgentSession) -> None:
    with pytest.raises(OutcomeUnknown, match="shot down"):
        session.request({"op": "die"}, 10)


def test_an_agent_that_takes_too_long_is_an_unknown_outcome_at_the_deadline(session: AgentSession) -> None:
    before = pid(session)

    with within(0.5 + SLACK), pytest.raises(OutcomeUnknown):
        session.request({"op": "sleep", "seconds": 30}, 0.5)

    assert pid(session) != before


def test_an_agent_that_ended_between_requests_is_replaced_without_an_error(session: AgentSession) -> None:
    session.request({"op": "die later"}, 10)
    await_truth(lambda: not ends_noticed(session).usable())

    assert session.request({"op": "echo"}, 10)["ok"]


def test_waiting_for_a_turn_counts_and_asks_nothing_of_the_node(session: AgentSession) -> None:
    session.request({"op": "echo"}, 10)
    busy = threading.Thread(target=session.request, args=({"op": "sleep", "seconds": 2}, 10))
    busy.start()
    await_truth(session._turn.locked)

    with within(0.3 + SLACK), pytest.raises(Unreachable, match="busy"):
        session.request({"op": "echo"}, 0.3)

    busy.join()


def test_a_link_cut_without_a_word_is_an_unknown_outcome_at_the_deadline(
    spare: SpareNode, session: AgentSession
) -> None:
    before = pid(session)
    with cut(spare), within(1 + SLACK), pytest.raises(OutcomeUnknown):
        session.request({"op": "echo"}, 1)

    assert pid(session) != before


def test_a_node_behind_a_cut_link_is_unreachable_and_nothing_was_asked(spare: SpareNode) -> None:
    session = spare.session(connect_timeout=0.5)

    with cut(spare), within(0.5 + SLACK), pytest.raises(Unreachable):
        session.request({"op": "echo"}, 10)


def test_a_host_that_accepts_and_says_nothing_is_unreachable(spare: SpareNode) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        session = AgentSession("127.0.0.1", port, spare.host_key, spare.panel_key, connect_timeout=0.5)

        with within(0.5 + SLACK), pytest.raises(Unreachable):
            session.request({"op": "echo"}, 10)
        with within(0.5 + SLACK), pytest.raises(Unreachable):
            scan_host_key("127.0.0.1", port, timeout=0.5)


def test_a_port_where_nobody_listens_is_unreachable(spare: SpareNode) -> None:
    with pytest.raises(Unreachable):
        scan_host_key(spare.state.address, 1, timeout=5)


def test_another_host_key_than_the_pinned_one_ends_it_before_any_sign_in(spare: SpareNode, tmp_path: Path) -> None:
    kind, text = make_key(tmp_path / "other").with_suffix(".pub").read_text().split()[:2]
    session = AgentSession(spare.state.address, 22, HostKey(kind, text), spare.panel_key)
    accepted = entries(spare)

    with pytest.raises(HostKeyChanged):
        session.request({"op": "echo"}, 10)

    assert entries(spare) == accepted


def test_the_fingerprint_is_the_one_ssh_keygen_shows(spare: SpareNode) -> None:
    shown = spare.run("ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub").split()[1]

    assert spare.host_key.fingerprint == shown


def test_a_key_the_node_does_not_know_is_refused(spare: SpareNode, tmp_path: Path) -> None:
    with pytest.raises(Refused):
        spare.session(make_key(tmp_path / "stranger")).request({"op": "echo"}, 10)


def test_our_own_key_that_cannot_be_read_is_told_without_its_content(spare: SpareNode, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nsecretsecret\n")

    for path in (broken, tmp_path / "missing"):
        with pytest.raises(KeyUnusable) as failure:
            spare.session(path).request({"op": "echo"}, 10)
        assert "secret" not in str(failure.value)


@pytest.mark.parametrize(("spoken", "refusal"), [(PROTOCOLS[0] - 1, AgentTooOld), (PROTOCOLS[-1] + 1, AgentTooNew)])
def test_an_agent_without_a_common_protocol_is_not_used(
    spare: SpareNode, spoken: int, refusal: type[ProtocolSkew]
) -> None:
    install_stub(spare, spoken)
    try:
        with pytest.raises(refusal, match=f"speaks protocol {spoken}"):
            spare.session().request({"op": "echo"}, 10)
    finally:
        install_stub(spare, PROTOCOLS[0])


def test_an_old_agent_is_asked_only_what_it_knows(session: AgentSession) -> None:
    before = pid(session)

    with pytest.raises(AgentTooOld, match="needs protocol 2"):
        session.request({"op": "echo"}, 10, since=2)

    assert session.protocol == 1
    assert pid(session) == before


def test_a_pool_keeps_one_session_for_a_node_and_another_for_another_key(spare: SpareNode) -> None:
    pool = Sessions(spare.panel_key)
    first = pool.get(spare.state.address, 22, spare.host_key)

    assert pool.get(spare.state.address, 22, spare.host_key) is first
    assert pool.get(spare.state.address, 22, HostKey("ssh-ed25519", "AAAA")) is not first
    pool.close()
    assert pool.get(spare.state.address, 22, spare.host_key) is not first


def test_a_closed_session_leaves_no_agent_running(spare: SpareNode) -> None:
    session = spare.session()
    agent = pid(session)

    session.close()

    spare.run(f"for i in $(seq 600); do [ -e /proc/{agent} ] || exit 0; sleep 0.05; done; exit 1")


def pid(session: AgentSession) -> int:
    return int(session.request({"op": "echo"}, SECONDS)["pid"])


def ends_noticed(session: AgentSession) -> Link:
    assert session._link is not None
    return session._link


def entries(node: SpareNode) -> int:
    """How many sign-ins the node's log tells of, once it has told of all: it is written a moment later."""
    mark = f"a-mark-of-the-test-{uuid.uuid4().hex}"
    node.run(f"logger -p auth.info {mark}; until grep -q {mark} /var/log/auth.log; do sleep 0.02; done")
    return int(node.run("grep -c 'Accepted publickey' /var/log/auth.log || true"))


def await_truth(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def timed(session: AgentSession) -> float:
    start = time.perf_counter()
    session.request({"op": "echo"}, SECONDS)
    return time.perf_counter() - start


@contextmanager
def within(seconds: float) -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


@contextmanager
def cut(node: SpareNode) -> Iterator[None]:
    """Let the node's answers vanish, as a cut cable would: no reset, no end."""
    node.run("nft add table inet cut; nft 'add chain inet cut out { type filter hook output priority 0; }'")
    node.run("nft add rule inet cut out tcp sport 22 drop")
    try:
        yield
    finally:
        node.run("nft delete table inet cut")


def install_stub(node: SpareNode, protocol: int) -> None:
    program = STUB.read_text().replace("PROTOCOL = 0", f"PROTOCOL = {protocol}")
    node.run("cat > /usr/local/lib/cis/agent.pyz", program.encode())


@pytest.fixture(scope="module", autouse=True)
def stub(spare: SpareNode) -> None:
    """Everything enrolment leaves on a node, with the stub in the agent's place."""
    spare.enroll()
    install_stub(spare, PROTOCOLS[0])


@pytest.fixture
def session(spare: SpareNode) -> Iterator[AgentSession]:
    session = spare.session()
    yield session
    session.close()
