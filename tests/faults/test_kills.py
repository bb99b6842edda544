"""Whoever is killed wherever: afterwards everything wanted is there exactly once, and the jobs say what happened."""

from __future__ import annotations

import pytest

from panel.kernel.access import SYSTEM
from panel.mail.actions import create_mailbox, remove_mailbox, rename_mailbox, set_password
from tests.faults.installation import Installation
from tests.faults.steps import AGENT_POINTS, WORKER_POINTS
from tests.faults.wanted import Box, assert_jobs_ended, assert_so

PASSWORD = "Zażółć gęślą jaźń 7"


class Order:
    """Three mailboxes on the node, and then at once: one new, one renamed with a new password, one removed."""

    def __init__(self, panel: Installation) -> None:
        self.panel = panel
        self.boxes = [self._new(name) for name in ("kept", "renamed", "removed")]
        panel.settle()

    def give(self) -> None:
        """Ask for the changes; nobody is rung before all stand in the ledger."""
        _, renamed, removed = self.boxes
        self.boxes.append(self._new("new"))
        rename_mailbox(SYSTEM, renamed.id, address=f"other@{self.panel.domain}")
        renamed.rename(f"other@{self.panel.domain}")
        set_password(SYSTEM, renamed.id, password=f"{PASSWORD} again")
        renamed.set_password(f"{PASSWORD} again")
        remove_mailbox(SYSTEM, removed.id)
        removed.removed = True

    def assert_done(self) -> None:
        """Everything came to be as asked."""
        self.panel.settle()
        assert_so(self.panel, self.boxes)
        assert_jobs_ended(self.panel)

    def _new(self, name: str) -> Box:
        address = f"{name}@{self.panel.domain}"
        made = create_mailbox(SYSTEM, member_id=self.panel.member_id, address=address, password=PASSWORD)
        return Box(made.mailbox.id, address, PASSWORD)


@pytest.fixture
def order(panel: Installation) -> Order:
    """What will be asked for; no worker is there when it is."""
    worker = panel.start_worker()
    order = Order(panel)
    worker.kill()
    panel.expire_dead_leases()
    return order


@pytest.mark.parametrize("point", WORKER_POINTS)
def test_a_worker_is_killed(panel: Installation, order: Order, point: str) -> None:
    panel.at(point, "kill")
    order.give()
    panel.start_worker().await_state("")
    assert panel.fault_happened()
    panel.start_worker()
    order.assert_done()


@pytest.mark.parametrize("point", AGENT_POINTS)
def test_an_agent_is_killed(panel: Installation, order: Order, point: str) -> None:
    panel.host.at(point, "kill")
    order.give()
    panel.start_worker()
    order.assert_done()
    assert panel.host.fault_happened()


@pytest.mark.parametrize("point", AGENT_POINTS)
def test_the_session_is_cut_under_a_working_agent(panel: Installation, order: Order, point: str) -> None:
    panel.host.at(point, "wait")
    order.give()
    panel.start_worker()
    panel.host.await_waiting()
    panel.host.kill_sshd_sessions()
    panel.host.go_on()
    order.assert_done()


@pytest.mark.parametrize("point", ["stage", "reload"])
def test_the_node_loses_power(panel: Installation, order: Order, point: str) -> None:
    panel.host.at(point, "wait")
    order.give()
    panel.start_worker()
    panel.host.await_waiting()
    panel.host.lose_power()
    panel.host.come_back()
    order.assert_done()


def test_agent_and_worker_are_killed_at_once(panel: Installation, order: Order) -> None:
    panel.host.at("commit", "wait")
    order.give()
    worker = panel.start_worker()
    panel.host.await_waiting()
    worker.kill()
    panel.host.run("pkill", "-KILL", "-f", "agent.pyz serve")
    panel.host.go_on()
    panel.start_worker()
    order.assert_done()


def test_a_killed_worker_is_followed_by_another_one_within_the_lease_and_five_seconds(
    panel: Installation, order: Order
) -> None:
    panel.at("planned", "kill")
    order.give()
    panel.start_worker().await_state("")
    panel.start_worker()
    panel.settle(seconds=3 + 5, hurry=False)
    order.assert_done()
