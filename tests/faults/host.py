"""A real mail node whose agent dies or waits at a named point, seen as its administrator sees it."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from provisioning.agent.build import build_zipapp
from provisioning.lab import Lab
from provisioning.lab.base import ensure_base
from provisioning.lab.host import Host as Machine
from tests.nodes import EnrolledNode

NAME = "mail1"
PROGRAM = "/usr/local/lib/cis/agent.pyz"
STORE = "/var/lib/cis/mail/mail.sqlite"
ORDER, WAITING, GO = "/run/cis-fault", "/run/cis-fault-waiting", "/run/cis-fault-go"
SECONDS = 90.0
POINTS = f'''"""The points of a batch, at one of which this agent dies or waits, once, where {ORDER} says so."""

import os
import signal
import time

Point = str


def reach(point):
    try:
        with open("{ORDER}") as order:
            wanted, deed = order.read().split()
        if wanted != point:
            return
        os.unlink("{ORDER}")
    except (FileNotFoundError, ValueError):
        return
    if deed == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    with open("{WAITING}", "w"):
        pass
    until = time.monotonic() + {SECONDS}
    while not os.path.exists("{GO}") and time.monotonic() < until:
        time.sleep(0.01)
'''
_ROWS = """
import json, sqlite3, subprocess, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
rows = {
    "mailbox": db.execute("SELECT id, generation, address, login FROM mailbox").fetchall(),
    "alias": db.execute("SELECT id, generation, address FROM alias").fetchall(),
    "todo": db.execute("SELECT what, subject FROM todo").fetchall(),
}
for name in ("mailboxes", "aliases"):
    text = subprocess.run(["postmap", "-s", "lmdb:/etc/postfix/cis/" + name], capture_output=True, check=True).stdout
    rows[name] = [line.split("\\t")[0] for line in text.decode().splitlines()]
print(json.dumps(rows))
"""


class Host:
    """The lab's node."""

    def __init__(self, lab: Lab, node: EnrolledNode) -> None:
        self.lab = lab
        self.node = node

    def put_faulty_agent(self) -> None:
        """Put a program in the agent's place whose points do what a file says."""
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder, "agent.pyz")
            build_zipapp(program, replace={"agent/points.py": POINTS.encode()})
            self.run("sh", "-c", f"cat > {PROGRAM}.new && mv {PROGRAM}.new {PROGRAM}", stdin=program.read_bytes())

    def answer_at_once(self) -> None:
        """Take away the wait after a wrong password, which other tests prove: here it would only cost time."""
        self.run("sed", "-i", "s/^auth_failure_delay = .*/auth_failure_delay = 0/", "/etc/dovecot/dovecot.conf")
        self.run("doveadm", "reload")

    def at(self, point: str, deed: str) -> None:
        """Have the next agent that comes to ``point`` *kill* itself or *wait*."""
        self.run("sh", "-c", f"rm -f {WAITING} {GO} && cat > {ORDER}", stdin=f"{point} {deed}".encode())

    def await_waiting(self) -> None:
        """Wait until the agent waits at its point."""
        self._await(WAITING)

    def go_on(self) -> None:
        """Let a waiting agent go on, and no other one stop any more."""
        self.run("sh", "-c", f"rm -f {ORDER}; touch {GO}")

    def fault_happened(self) -> bool:
        """Whether an agent came to the point that ``at`` named."""
        return self.lab.exec(NAME, ["test", "-e", ORDER]).returncode != 0

    def kill_sshd_sessions(self) -> bool:
        """Kill the processes of sshd that serve the panel, and them only; tell whether there were any."""
        return self._kill("^sshd: cis-agent")

    def kill_agents(self) -> bool:
        """Kill all agents that run; tell whether there were any."""
        return self._kill("agent.pyz serve")

    def lose_power(self) -> None:
        """Stop the node as a power cut would."""
        self._machine().stop()

    def come_back(self) -> None:
        """Start the node again, with what its disk held."""
        machine = self._machine()
        machine.start(ensure_base(print))
        machine.wait(self.node.state.address, self.node.state.ssh_port)

    def rows(self) -> dict[str, Any]:
        """What stands in the agent's store and in Postfix' maps."""
        rows: dict[str, Any] = json.loads(self.run("python3", "-c", _ROWS, STORE))
        return rows

    def edit_store(self, statement: str) -> None:
        """Change rows by hand, behind everybody's back."""
        program = (
            "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], timeout=20); db.execute(sys.argv[2]); db.commit()"
        )
        self.run("python3", "-c", program, STORE, statement)

    def forget_address(self, address: str) -> None:
        """Take an address out of Postfix' map by hand; it need not be there."""
        self.lab.exec(NAME, ["postmap", "-d", address, "lmdb:/etc/postfix/cis/mailboxes"])

    def batches(self) -> list[str]:
        """Ids of all batches that the node answered."""
        query = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('SELECT id FROM batch ORDER BY id'))"
        return self.run("python3", "-c", query, STORE).split()

    def fence(self) -> int:
        """The highest fence that the node has met."""
        self.node.session().close()  # whose agent a test may just have killed
        return int(self.node.session().request({"op": "hello"}, SECONDS)["fence"])

    def run(self, *argv: str, stdin: bytes = b"") -> str:
        """Run a command as root on the node; nothing that leaves a daemon behind."""
        done = self.lab.exec(NAME, list(argv), stdin=stdin, timeout=SECONDS)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def last_words(self) -> str:
        """What the agents said last, and which processes of theirs there are: what to read when a test fails."""
        shown = "ps -eo pid,ppid,stat,etime,args | grep -E '[a]gent.pyz|[s]shd:|[p]ostmap'"
        script = f"tail -n 5 /var/log/cis-agent.log; {shown}"
        return self.lab.exec(NAME, ["sh", "-c", script]).stdout.decode(errors="replace")

    def _kill(self, pattern: str) -> bool:
        return self.lab.exec(NAME, ["pkill", "-KILL", "-f", pattern]).returncode == 0

    def _machine(self) -> Machine:
        return self.lab._find(NAME)

    def _await(self, path: str) -> None:
        end = time.monotonic() + SECONDS
        while self.lab.exec(NAME, ["test", "-e", path]).returncode:
            assert time.monotonic() < end, f"{path} did not appear; {self.last_words()}"
            time.sleep(0.02)
