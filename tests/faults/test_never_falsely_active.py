"""Nothing is active before it was seen, nor stays so when it is seen no more: on a real node, with real failures.

The agent says yes each time: its part is done. What the world sees is another matter.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

import pytest

from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from panel.ledger.nodes import Node
from panel.mail.actions import create_mailbox
from panel.mail.models import Mailbox
from provisioning.probes.smtp import WARM_SECONDS
from tests.faults.host import Host
from tests.faults.installation import HURRY_SECONDS, Installation, installed
from tests.faults.workers import Workers

Failure = Callable[[Host], ExitStack]


def _dovecot_stopped(host: Host) -> ExitStack:
    """Nobody can sign in; Postfix still takes mail."""
    return _undone(host, ["doveadm stop"], ["dovecot"])


def _postfix_refusing(host: Host) -> ExitStack:
    """Postfix answers, and says no."""
    option = "smtpd_recipient_restrictions"
    broken = [f"postconf -e '{option} = reject'", "postfix reload"]
    return _undone(host, broken, ["cp /etc/postfix/main.cf.kept /etc/postfix/main.cf", "postfix reload"])


def _postfix_stopped(host: Host) -> ExitStack:
    """Nobody listens where mail would come in."""
    return _undone(host, ["postfix stop"], ["postfix start"])


def _path_blocked(host: Host) -> ExitStack:
    """The node drops what comes from the panel to the ports of mail; everybody else is served."""
    rule = f"ip saddr {host.node.panel_address} tcp dport {{ 25, 993 }} drop"
    chain = "add chain inet cis-fault in { type filter hook input priority -300 ; }"
    script = f"add table inet cis-fault; {chain}; add rule inet cis-fault in {rule}"
    return _undone(host, [f"nft '{script}'"], ["nft delete table inet cis-fault"])


FAILURES = (
    pytest.param(_dovecot_stopped, "not_seen_unreachable", "refused", id="dovecot-stopped"),
    pytest.param(_postfix_refusing, "not_seen_refused", "554 5.7.1", id="postfix-refusing"),
    pytest.param(_postfix_stopped, "not_seen_unreachable", "refused", id="postfix-stopped"),
    pytest.param(_path_blocked, "not_seen_unreachable", "tim", id="path-blocked"),
)


@pytest.mark.parametrize(("failure", "code", "words"), FAILURES)
def test_what_cannot_be_seen_is_not_active(panel: Installation, failure: Failure, code: str, words: str) -> None:
    known = _active(panel)
    seen_at = known.seen_at
    with failure(panel.host):
        time.sleep(WARM_SECONDS)  # for so long a probe may go on with a connection from before
        new = _new(panel)
        panel.await_true(lambda: _fresh(panel, new.id).problem_code is not None)
        box = _fresh(panel, new.id)
        assert (box.state, box.applied_generation, box.seen_generation) == ("failed", 1, 0), panel.what_happened()
        assert box.problem_code == code
        assert words in (box.problem_message or "").lower(), panel.what_happened()
        panel.await_true(lambda: _looked_at(panel, known.id) is not None or _is_silent(panel), every=HURRY_SECONDS)
        lost = _fresh(panel, known.id)
        assert lost.seen_at == seen_at
        assert _is_silent(panel) or (lost.state, (lost.problem_code or "")[:9]) == ("drifted", "not_seen_")
    panel.await_true(lambda: _is_active_again(panel, new.id, None), every=HURRY_SECONDS)
    panel.await_true(lambda: _is_active_again(panel, known.id, seen_at), every=HURRY_SECONDS)


def _is_silent(panel: Installation) -> bool:
    """Whether the node as a whole is shown as silent: one problem of its own stands for all it serves."""
    db.session.rollback()
    return db.session.get_one(Node, panel.node_id, populate_existing=True).problem_code == "ports_silent"


def _new(panel: Installation) -> Mailbox:
    address = f"u{uuid.uuid4().hex[:8]}@{panel.domain}"
    return create_mailbox(SYSTEM, member_id=panel.member_id, address=address, password="Zażółć gęślą jaźń 7").mailbox


def _active(panel: Installation) -> Mailbox:
    """A mailbox that works, and was seen."""
    box = _new(panel)
    panel.settle()
    box = _fresh(panel, box.id)
    assert (box.state, box.seen_how) == ("active", "message")
    return box


def _fresh(panel: Installation, id: uuid.UUID) -> Mailbox:
    return panel.boxes()[id]


def _looked_at(panel: Installation, id: uuid.UUID) -> str | None:
    """What a look that was due found wrong."""
    panel.look_now()
    return _fresh(panel, id).problem_code


def _is_active_again(panel: Installation, id: uuid.UUID, earlier: datetime | None) -> bool:
    panel.hurry()
    panel.look_now()
    box = _fresh(panel, id)
    return box.state == "active" and box.problem_code is None and box.seen_at != earlier


def _undone(host: Host, breaks: list[str], mends: list[str]) -> ExitStack:
    """Break something now; mend it when the block ends."""
    stack = ExitStack()
    stack.enter_context(_broken(host, breaks, mends))
    return stack


@contextmanager
def _broken(host: Host, breaks: list[str], mends: list[str]) -> Iterator[None]:
    host.run("cp", "/etc/postfix/main.cf", "/etc/postfix/main.cf.kept")
    _run(host, breaks)
    try:
        yield
    finally:
        _run(host, mends)


def _run(host: Host, commands: list[str]) -> None:
    """Run commands that may leave a daemon behind, which must not hold what we read from."""
    for command in commands:
        host.run("sh", "-c", f"{command} >/dev/null 2>&1 </dev/null")


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory, faulty_host: Host, processes: Workers) -> Iterator[Installation]:
    with installed(tmp_path_factory.mktemp("active"), faulty_host, processes) as panel:
        panel.start_worker()
        yield panel
