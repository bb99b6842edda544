"""What a ring is made of: whoever may ring can have a worker look at a node, and nothing else."""

from __future__ import annotations

import os
import pickle
import pwd
import uuid
from pathlib import Path

import pytest

from config import Settings
from panel.wiring import make_huey
from provisioning.lab import processes

pytestmark = pytest.mark.one_database


def test_a_ring_is_json_and_nothing_in_it_is_run(tmp_path: Path) -> None:
    huey = make_huey(Settings(data_dir=tmp_path))
    rung: list[str] = []
    ring = huey.task(name="ring")(rung.append)
    node = str(uuid.uuid4())
    ring(node)
    task = huey.dequeue()
    assert task is not None
    huey.execute(task)
    assert rung == [node]
    huey.storage.enqueue(pickle.dumps(_Trap(tmp_path / "sprung")))
    with pytest.raises(ValueError, match=r"codec|Expecting"):
        huey.dequeue()
    assert not (tmp_path / "sprung").exists()


def test_the_two_users_of_the_panel_share_a_group_and_nothing_else() -> None:
    if os.geteuid() != 0:
        pytest.fail("this test needs root: it makes the panel's users (use sudo make test)")
    processes.ensure_users()
    web, worker = pwd.getpwnam(processes.USER), pwd.getpwnam(processes.WORKER)
    assert web.pw_uid != worker.pw_uid
    assert web.pw_gid == worker.pw_gid
    assert {web.pw_shell, worker.pw_shell} == {"/usr/sbin/nologin"}


class _Trap:
    """What a pickle can do to whoever reads it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, (str(self._path), "w"))
