"""Random steps: what people ask for, and what goes wrong meanwhile."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable

from panel.kernel.access import SYSTEM
from panel.ledger.jobs import DOORBELL, ring
from panel.mail.actions import (
    NewMailbox,
    create_mailbox,
    create_mailboxes,
    remove_mailbox,
    rename_mailbox,
    restore_mailbox,
    resume_mailbox,
    set_password,
    set_quota,
    suspend_mailbox,
)
from tests.faults.installation import Installation
from tests.faults.wanted import Box
from tests.faults.yesterday import Yesterday, keep, overwrite_what_differs, put_back

WORKER_POINTS = ("claimed", "planned", "sent", "answered", "recorded", "looked", "finished")
AGENT_POINTS = ("stage", "validate", "commit", "reload", "report")


class Story:
    """A panel, what is wanted of its node, and the dice. ``told``: the steps so far."""

    def __init__(self, panel: Installation, seed: int) -> None:
        self.panel = panel
        self.dice = random.Random(seed)  # noqa: S311 - the dice of a test
        self.boxes: list[Box] = []
        self.told: list[str] = []
        self.yesterday: Yesterday | None = None
        self.differs = False
        self._number = 0

    def step(self) -> None:
        """Do one step that can be done now."""
        steps = [(step, weight) for step, (weight, can) in STEPS.items() if can(self)]
        (chosen,) = self.dice.choices([step for step, _ in steps], [weight for _, weight in steps])
        self.told.append(chosen.__name__)
        chosen(self)

    def tell(self, what: object) -> None:
        """Add to what was told of this step."""
        self.told[-1] += f" {what}"

    def here(self) -> list[Box]:
        """Mailboxes that are not removed."""
        return [box for box in self.boxes if not box.removed]

    def pick(self, *, removed: bool = False) -> Box:
        """One of the mailboxes that are there, or that are removed."""
        box = self.dice.choice([box for box in self.boxes if box.removed == removed])
        self.tell(box.address)
        return box

    def new_address(self) -> str:
        """An address nobody had."""
        self._number += 1
        return f"u{self._number}@{self.panel.domain}"

    def new_password(self) -> str | None:
        """A password, or none yet."""
        return self.dice.choice([None, f"Zażółć gęślą jaźń {self.dice.randrange(10**6)}"])

    def end(self) -> None:
        """Let everything come to rest: nothing goes wrong any more, one worker at least is there."""
        panel = self.panel
        panel.no_more_faults()
        panel.host.go_on()
        for worker in panel.workers:
            worker.signal(signal.SIGCONT)
        panel.settle(always_a_worker=True)
        if self.differs:
            overwrite_what_differs(panel)
            self.differs = False


def create(story: Story) -> None:
    password = story.new_password()
    address = story.new_address()
    made = create_mailbox(SYSTEM, member_id=story.panel.member_id, address=address, quota_mb=100, password=password)
    story.boxes.append(Box(made.mailbox.id, address, password))
    story.tell(address)


def create_some(story: Story) -> None:
    wanted = [(story.new_address(), story.new_password()) for _ in range(story.dice.randint(2, 4))]
    made = create_mailboxes(
        SYSTEM,
        [
            NewMailbox(member_id=story.panel.member_id, address=address, quota_mb=100, password=password)
            for address, password in wanted
        ],
    )
    story.boxes += [
        Box(one.mailbox.id, address, password) for one, (address, password) in zip(made, wanted, strict=True)
    ]
    story.tell([address for address, _ in wanted])


def change_password(story: Story) -> None:
    box = story.pick()
    password = f"Zażółć gęślą jaźń {story.dice.randrange(10**6)}"
    set_password(SYSTEM, box.id, password=password)
    box.set_password(password)


def change_quota(story: Story) -> None:
    box = story.pick()
    box.quota_mb = story.dice.randint(100, 900)
    set_quota(SYSTEM, box.id, quota_mb=box.quota_mb)


def suspend(story: Story) -> None:
    box = story.pick()
    suspend_mailbox(SYSTEM, box.id)
    box.suspended = True


def resume(story: Story) -> None:
    box = story.pick()
    resume_mailbox(SYSTEM, box.id)
    box.suspended = False


def rename(story: Story) -> None:
    box = story.pick()
    back = story.dice.random() < 0.3 and box.former
    address = story.dice.choice(box.former) if back else story.new_address()
    rename_mailbox(SYSTEM, box.id, address=address)
    box.rename(address)
    story.tell(f"to {address}")


def remove(story: Story) -> None:
    box = story.pick()
    remove_mailbox(SYSTEM, box.id)
    box.removed = True


def restore(story: Story) -> None:
    box = story.pick(removed=True)
    restore_mailbox(SYSTEM, box.id)
    box.removed = False


def rest(story: Story) -> None:
    story.end()


def start_worker(story: Story) -> None:
    story.panel.start_worker()


def kill_worker(story: Story) -> None:
    story.dice.choice(story.panel.workers).kill()


def kill_worker_at_point(story: Story) -> None:
    point = story.dice.choice(WORKER_POINTS)
    story.panel.at(point, "kill")
    story.tell(point)


def stop_worker_at_point(story: Story) -> None:
    """At a point, so never amid a write: who stands still there keeps an SQLite file locked for everybody."""
    point = story.dice.choice(WORKER_POINTS)
    story.panel.at(point, "stop")
    story.tell(point)


def continue_workers(story: Story) -> None:
    for worker in story.panel.workers:
        worker.signal(signal.SIGCONT)


def kill_agent_at_point(story: Story) -> None:
    point = story.dice.choice(AGENT_POINTS)
    story.panel.host.at(point, "kill")
    story.tell(point)


def kill_sshd(story: Story) -> None:
    story.panel.host.kill_sshd_sessions()


def jump(story: Story) -> None:
    days = story.dice.choice([-1, 1])
    story.panel.jump(days=days)
    story.tell(days)


def ring_twice(story: Story) -> None:
    ring(story.panel.node_id)
    ring(story.panel.node_id)


def lose_rings(story: Story) -> None:
    bell = story.panel.app.extensions[DOORBELL]
    story.panel.app.extensions[DOORBELL] = lambda _node_id: None
    try:
        create(story)
    finally:
        story.panel.app.extensions[DOORBELL] = bell


def keep_database(story: Story) -> None:
    story.yesterday = keep(story.panel, story.boxes)


def put_database_back(story: Story) -> None:
    assert story.yesterday is not None
    story.panel.no_more_faults()
    story.panel.host.go_on()
    put_back(story.panel, story.yesterday)
    lost = {box.id: box for box in story.boxes}
    story.boxes, story.yesterday = story.yesterday.boxes, None
    for box in story.boxes:
        box.past += [one for one in (*lost[box.id].past, lost[box.id].password) if one and one != box.password]
    story.differs = True
    story.panel.start_worker()


def edit_row(story: Story) -> None:
    box = story.pick()
    change = story.dice.choice(["quota_mb = 7", "login = 'blocked'"])
    story.tell(change)
    story.panel.host.edit_store(f"UPDATE mailbox SET {change} WHERE id = '{box.id}'")  # noqa: S608 - our own values
    story.differs = True


def delete_row(story: Story) -> None:
    box = story.pick()
    story.panel.host.edit_store(f"DELETE FROM mailbox WHERE id = '{box.id}'")  # noqa: S608 - our own values
    story.differs = True


def delete_map_row(story: Story) -> None:
    box = story.pick()
    story.panel.host.forget_address(box.address)
    story.differs = True


Step = Callable[[Story], None]
_ALWAYS: Callable[[Story], bool] = lambda _story: True  # noqa: E731 - a condition like the others
_HERE: Callable[[Story], bool] = lambda story: bool(story.here())  # noqa: E731 - a condition like the others

STEPS: dict[Step, tuple[int, Callable[[Story], bool]]] = {
    create: (6, _ALWAYS),
    create_some: (6, _ALWAYS),
    change_password: (5, _HERE),
    change_quota: (4, _HERE),
    suspend: (4, _HERE),
    resume: (4, lambda story: any(box.suspended for box in story.here())),
    rename: (5, _HERE),
    remove: (5, _HERE),
    restore: (5, lambda story: any(box.removed for box in story.boxes)),
    rest: (4, _ALWAYS),
    start_worker: (3, lambda story: sum(bool(one.state()) for one in story.panel.workers) < 3),
    kill_worker: (2, lambda story: any(one.state() for one in story.panel.workers)),
    kill_worker_at_point: (5, _ALWAYS),
    stop_worker_at_point: (3, _ALWAYS),
    continue_workers: (2, _ALWAYS),
    kill_agent_at_point: (5, _ALWAYS),
    kill_sshd: (3, _ALWAYS),
    jump: (3, _ALWAYS),
    ring_twice: (2, _ALWAYS),
    lose_rings: (2, _ALWAYS),
    keep_database: (2, lambda story: story.yesterday is None),
    put_database_back: (4, lambda story: story.yesterday is not None),
    edit_row: (2, _HERE),
    delete_row: (1, _HERE),
    delete_map_row: (1, _HERE),
}
"""Each step with its weight and the condition under which it can be done."""
