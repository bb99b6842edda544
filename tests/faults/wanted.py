"""What a test wants of a node, kept by the test alone, and whether the world sees just that."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.faults import outside
from tests.faults.installation import Installation

WRONG = "not the password 1"
SECONDS = 60.0


@dataclass
class Box:
    """One mailbox. ``password`` None: its holder has none yet; ``former``: addresses it had before."""

    id: uuid.UUID
    address: str
    password: str | None
    quota_mb: int = 100
    suspended: bool = False
    removed: bool = False
    past: list[str] = field(default_factory=list)
    former: list[str] = field(default_factory=list)

    @property
    def state(self) -> str:
        """What the panel must show."""
        return "removed" if self.removed else "suspended" if self.suspended else "active"

    @property
    def login(self) -> str:
        """What the node must hold."""
        return "blocked" if self.suspended else "open" if self.password else "waiting"

    def set_password(self, password: str) -> None:
        """Have another password."""
        if self.password:
            self.past.append(self.password)
        self.password = password

    def rename(self, address: str) -> None:
        """Have another address; the one of before stays an alias."""
        self.former = [one for one in (*self.former, self.address) if one != address]
        self.address = address


def assert_so(panel: Installation, wanted: list[Box], *, seen: list[Box] | None = None) -> None:
    """The panel, the node's rows and maps, and what is seen from outside are all exactly as wanted.

    ``seen``: those that are looked at from outside, all where None.
    """
    try:
        _until_so(lambda: _assert_states(panel, wanted))
        _until_so(lambda: _assert_rows(panel, wanted))
        _until_so(lambda: _assert_mail_is_taken(panel, wanted if seen is None else seen))
        _assert_sign_in(panel, wanted if seen is None else seen)
    except AssertionError as error:
        error.add_note(panel.what_happened())
        raise


def assert_jobs_ended(panel: Installation) -> None:
    """Every job came to an end, and its log tells of it."""
    for job in panel.jobs():
        assert job.state in ("done", "failed", "cancelled"), f"{job.cause} is {job.state}: {job.log}"
        assert job.finished_at is not None
        assert job.log, f"{job.cause} says nothing"


def _until_so(check: Callable[[], None]) -> None:
    """Check again for a while: an agent whose session is gone may be ending, a look may be on its way."""
    end = time.monotonic() + SECONDS
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def _assert_states(panel: Installation, wanted: list[Box]) -> None:
    assert {box.id: box.state for box in wanted} == {id_: box.state for id_, box in panel.boxes().items()}


def _assert_rows(panel: Installation, wanted: list[Box]) -> None:
    """Everything is there exactly once, and nothing besides."""
    rows = panel.host.rows()
    here = [box for box in wanted if not box.removed]
    ends = f"@{panel.domain}"
    assert sorted((str(box.id), box.address, box.login) for box in here) == sorted(
        (id_, address, login) for id_, _, address, login in rows["mailbox"] if address.endswith(ends)
    )
    assert sorted(box.address for box in here) == sorted(one for one in rows["mailboxes"] if one.endswith(ends))
    aliases = sorted(one for box in here for one in box.former)
    assert aliases == sorted(address for _, _, address in rows["alias"] if address.endswith(ends))
    assert aliases == sorted(one for one in rows["aliases"] if one.endswith(ends))
    assert rows["todo"] == []


def _assert_mail_is_taken(panel: Installation, wanted: list[Box]) -> None:
    taken = {one for box in wanted if not box.removed for one in (box.address, *box.former)}
    known = taken | {one for box in wanted for one in (box.address, *box.former)}
    answers = outside.rcpt(panel.host.node.state.address, known)
    assert answers == {one: 250 if one in taken else 550 for one in known}


def _assert_sign_in(panel: Installation, wanted: list[Box]) -> None:
    """The holder's password opens an open mailbox, former ones and others open nothing."""
    expected: dict[tuple[str, str], bool] = {}
    for box in wanted:
        is_open = not box.removed and box.login == "open"
        expected |= {(box.address, one): False for one in (*box.past[-1:], WRONG)}
        if box.password:
            expected[box.address, box.password] = is_open
    assert outside.sign_in(panel.host, list(expected)) == expected
