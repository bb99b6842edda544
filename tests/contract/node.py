"""The agent of a test node as the panel uses it, and the node itself as its administrator does."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from provisioning.lab import Lab
from provisioning.probes.mail import MailTarget
from provisioning.probes.secrets import Master, new_master, new_token, watch_of
from provisioning.resources import Item, to_wire
from provisioning.ssh import AgentError
from tests.nodes import EnrolledNode

SECONDS = 120


class AgentUnderTest:
    """Sends batches as a worker that holds the lease would."""

    def __init__(self, lab: Lab, node: EnrolledNode) -> None:
        self.lab = lab
        self.node = node
        self.target = MailTarget(node.state.address, node.state.hostname, node.enrolled.certificate_pem)
        self.planted: list[dict[str, str]] = []
        self.fence = int(self.ask(op="hello")["fence"]) + 1
        self.master = new_master(f"{node.panel_address}/32")
        self.watch(self.master)

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send one request and return the reply; a refusal raises AgentError."""
        return self.node.session().request(request, SECONDS)

    def send(self, items: Iterable[Item], *, batch: str | None = None, **more: Any) -> list[dict[str, Any]]:
        """Send one batch and return its outcomes."""
        outcomes: list[dict[str, Any]] = self.reply_to(items, batch=batch, **more)["outcomes"]
        return outcomes

    def reply_to(self, items: Iterable[Item], *, batch: str | None = None, **more: Any) -> dict[str, Any]:
        """Send one batch and return the whole reply."""
        request = {"op": "apply", "fence": self.fence, "batch": batch or new_id(), **more}
        return self.ask(**request, items=[to_wire(item) for item in items])

    def make(self, *items: Item, **more: Any) -> None:
        """Send items that must all come to be."""
        outcomes = self.send(items, **more)
        assert [one["outcome"] for one in outcomes] == ["applied"] * len(items), outcomes

    def watch(self, master: Master | None = None, **tokens: str) -> None:
        """Prepare probes; ``tokens`` by mailbox id."""
        self.ask(op="watch", fence=self.fence, watch=watch_of(master, tokens))

    def token_for(self, mailbox_id: str) -> str:
        """Make a probe's token known to the node."""
        token = new_token()
        self.watch(None, **{mailbox_id: token})
        return token

    def error_of(self, items: Iterable[Item], **more: Any) -> str:
        """Send a batch that is refused as a whole; return the error's code."""
        try:
            self.reply_to(items, **more)
        except AgentError as error:
            return error.code
        return ""

    def run(self, *argv: str, stdin: str = "") -> str:
        """Run a command as root on the node."""
        done = self.lab.exec(self.node.state.name, list(argv), stdin=stdin.encode(), timeout=SECONDS)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()


def new_id() -> str:
    """Make an id."""
    return str(uuid.uuid4())
