"""A node gets another program in one step, and the earlier one back when the new one is no good."""

from __future__ import annotations

import hashlib
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from provisioning.agent.build import build_zipapp
from provisioning.enroll import Enrolled, EnrolmentFailed, OperatorLogin
from provisioning.upgrade import Installed, put_back, upgrade
from tests.provisioning.conftest import SpareNode

PROGRAM = "/usr/local/lib/cis/agent.pyz"
SECONDS = 60.0


class OperatorsPart:
    """What `cis nodes upgrade` does on one node, without the panel's part."""

    def __init__(self, node: SpareNode, folder: Path) -> None:
        self.node = node
        self.folder = folder
        self.said: list[str] = []
        self.accepted = 0

    def program(self, name: str, **replaced: str) -> Path:
        """A working program with a digest of its own, but for the modules that are ``replaced``."""
        path = self.folder / name
        build_zipapp(self.folder / "built")
        with zipfile.ZipFile(self.folder / "built") as had, zipfile.ZipFile(path, "w") as now:
            for entry in had.namelist():
                module = entry.removeprefix("provisioning/agent/").removesuffix("c").removesuffix(".py")
                if module not in replaced:
                    now.writestr(entry, had.read(entry))
            for module, source in replaced.items():
                now.writestr(f"provisioning/agent/{module}.py", source)
            now.writestr("variant", name)
        return path

    def upgrade(self, program: Path, **changes: Any) -> Installed:
        arguments: dict[str, Any] = {
            "digest": digest_of(program),
            "operator": OperatorLogin("root", self.node.lab.operator_key),
            "progress": self.said.append,
            "accept": self.accept,
        }
        state = self.node.state
        return upgrade(state.address, state.ssh_port, self.node.host_key, program=program, **arguments | changes)

    def put_back(self, program: Path) -> Installed:
        return put_back(
            self.node.state.address,
            self.node.state.ssh_port,
            self.node.host_key,
            operator=OperatorLogin("root", self.node.lab.operator_key),
            program=program,
            progress=self.said.append,
        )

    def accept(self) -> None:
        session = self.node.session()
        assert session.request({"op": "hello"}, SECONDS)["ok"]
        session.close()
        self.accepted += 1

    def installed(self) -> str:
        return self.node.run(f"sha256sum {PROGRAM}")[:12]


def test_an_upgrade_changes_the_program_and_nothing_else(part: OperatorsPart) -> None:
    had = part.installed()
    others = "find /etc/cis /etc/ssh /etc/postfix /etc/dovecot /usr/local/sbin -type f -exec sha256sum {} + | sort"
    before = part.node.run(others)
    program = part.program("next")

    done = part.upgrade(program)

    assert done == Installed(digest_of(program)[:12], had)
    assert part.installed() == done.program
    assert part.accepted == 1
    assert part.node.run(others) == before
    assert part.node.run("ls /tmp | grep cis-enrol || true") == ""


def test_sessions_of_the_earlier_program_end_and_the_next_request_starts_the_new_one(part: OperatorsPart) -> None:
    session = part.node.session()
    session.request({"op": "hello"}, 20)
    had = pid_of_agent(part.node)

    part.upgrade(part.program("sessions"))
    link = session._link
    end = time.monotonic() + SECONDS
    while link is not None and link.usable():
        assert time.monotonic() < end, "the earlier program's session did not end"
        time.sleep(0.01)

    assert session.request({"op": "hello"}, SECONDS)["ok"]
    assert pid_of_agent(part.node) not in {had, ""}
    session.close()


def test_what_was_not_accepted_is_taken_out_again(part: OperatorsPart) -> None:
    had = part.installed()

    def refuse() -> None:
        raise RuntimeError("two mailboxes are not seen any more")

    with pytest.raises(RuntimeError, match="not seen"):
        part.upgrade(part.program("refused"), accept=refuse)

    assert part.installed() == had
    part.accept()


def test_a_program_that_starts_but_does_not_serve_is_taken_out_again(part: OperatorsPart) -> None:
    had = part.installed()
    broken = part.program("broken", engine="raise RuntimeError('no engine')\n")

    with pytest.raises(EnrolmentFailed):
        part.upgrade(broken)

    assert part.installed() == had
    assert part.accepted == 0


def test_a_program_that_arrived_otherwise_than_sent_is_not_installed(part: OperatorsPart) -> None:
    had = part.installed()

    with pytest.raises(EnrolmentFailed, match="not the one that was sent"):
        part.upgrade(part.program("torn"), digest="0" * 64)

    assert part.installed() == had


def test_the_earlier_program_can_be_put_back_later_and_twice(part: OperatorsPart) -> None:
    had = part.installed()
    later = part.program("later")
    part.upgrade(later)

    assert part.put_back(later) == Installed(had, digest_of(later)[:12])
    assert part.put_back(later).program == had
    assert part.installed() == had


@pytest.mark.parametrize("when", ["before the rename", "after the rename"])
def test_an_upgrade_killed_in_the_middle_leaves_a_whole_program(part: OperatorsPart, when: str) -> None:
    had = part.installed()
    kill = "os.kill(os.getpid(), signal.SIGKILL)\n    "
    source = Path("provisioning/agent/base/program.py").read_text()
    renamed = "place(PROGRAM, content, 0o644)\n    "
    killed = source.replace(renamed, kill + renamed if when.startswith("before") else renamed + kill, 1)
    program = part.program("killed", **{"base/program": killed})

    with pytest.raises(EnrolmentFailed):
        part.upgrade(program)

    assert part.installed() == (had if when.startswith("before") else digest_of(program)[:12])
    part.accept()
    part.upgrade(part.program("again"))
    part.accept()


def test_a_host_that_is_no_node_is_not_made_one(bare: SpareNode, tmp_path: Path) -> None:
    part = OperatorsPart(bare, tmp_path)

    with pytest.raises(EnrolmentFailed, match="never enrolled"):
        part.upgrade(part.program("first"))

    assert bare.run("ls /usr/local/lib/cis 2>/dev/null || true") == ""


def pid_of_agent(node: SpareNode) -> str:
    """The agents that serve now; the brackets keep the search from finding itself."""
    return node.run("pgrep --full '[p]ython3 -I -S /usr/local/lib/cis/agent.pyz serve' || true")


def digest_of(program: Path) -> str:
    return hashlib.sha256(program.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def mail(spare: SpareNode) -> Enrolled:
    return spare.enroll(roles=("mail",))


@pytest.fixture
def part(spare: SpareNode, mail: Enrolled, tmp_path: Path) -> OperatorsPart:
    return OperatorsPart(spare, tmp_path)
