"""One that the daemon refuses among ten thousand: 9,999 go live, and that one fails in the daemon's words.

The last of these files by its name, since the node is full afterwards.
"""

from __future__ import annotations

from collections import Counter

import pytest

from panel.kernel.access import SYSTEM
from panel.mail.actions import NewMailbox, create_mailboxes
from tests.faults import outside
from tests.faults.installation import Installation

MANY = 10_000
SAMPLE = 20


@pytest.mark.slow
def test_one_bad_among_ten_thousand_stops_no_other(panel: Installation) -> None:
    addresses = [f"u{number}@{panel.domain}" for number in range(MANY)]
    bad = addresses[MANY // 2]
    panel.host.run("postmap", "-i", "lmdb:/etc/postfix/cis/mailboxes", stdin=f"{bad} somebody\n".encode())
    new = [NewMailbox(member_id=panel.member_id, address=address, quota_mb=1) for address in addresses]
    create_mailboxes(SYSTEM, new)
    panel.start_worker()
    panel.settle()
    boxes = {box.address: box for box in panel.boxes().values()}
    assert Counter(box.state for box in boxes.values()) == {"active": MANY - 1, "failed": 1}
    assert boxes[bad].state == "failed"
    assert "duplicate" in (boxes[bad].problem_message or "").lower(), boxes[bad].problem_message
    asked = {*addresses[:: MANY // SAMPLE], addresses[-1]} - {bad}
    answers = outside.rcpt(panel.host.node.state.address, asked)
    assert set(answers.values()) == {250}
