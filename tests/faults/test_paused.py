"""A worker that stands still past its lease, then goes on: the node refuses its batch, another did the work, once."""

from __future__ import annotations

import signal

import pytest

from panel.kernel.access import SYSTEM
from panel.mail.actions import create_mailbox
from tests.faults.installation import Installation
from tests.faults.wanted import Box, assert_jobs_ended, assert_so

PASSWORD = "Zażółć gęślą jaźń 7"


@pytest.mark.parametrize("point", ["planned", "sent"])
def test_a_worker_that_slept_through_its_lease_changes_nothing(panel: Installation, point: str) -> None:
    panel.at(point, "stop")
    address = f"paused@{panel.domain}"
    box = create_mailbox(SYSTEM, member_id=panel.member_id, address=address, password=PASSWORD).mailbox
    paused = panel.start_worker()
    paused.await_state("T")
    earlier = panel.node().fence
    panel.start_worker()
    panel.settle(hurry=False)
    assert panel.node().fence > earlier
    batches = panel.host.batches()
    told = [(job.id, job.state, job.log) for job in panel.jobs()]
    paused.signal(signal.SIGCONT)
    panel.await_true(lambda: "lost" in paused.log.read_text() or "stale_fence" in paused.log.read_text())
    assert panel.host.batches() == batches
    assert [(job.id, job.state, job.log) for job in panel.jobs()] == told
    assert_so(panel, [Box(box.id, address, PASSWORD)])
    assert_jobs_ended(panel)
