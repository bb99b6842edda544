"""Programs that bring a node to a description: Ansible and pyinfra, each with the leanest recipe it allows."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from tests.bench.peers.node import Account, PeerNode, clocked

HERE = Path(__file__).parent


class Applier(Protocol):
    """Brings the node to have exactly the mailboxes it is given."""

    @property
    def name(self) -> str:
        """What it is called."""

    def apply(self, wanted: list[Account]) -> float:
        """Do it and return the seconds it took. Raises RuntimeError."""


@dataclass(frozen=True)
class Ansible:
    """ansible-playbook with pipelining, without facts, its SSH connection kept between runs."""

    programs: Path
    node: PeerNode
    folder: Path
    name: str = "Ansible"

    def apply(self, wanted: list[Account]) -> float:
        order = self.folder / "order.json"
        order.write_text(json.dumps({"accounts": [asdict(account) for account in wanted]}))
        (self.folder / "hosts").write_text(f"[mail]\n{self.node.address} {self._ssh()}\n")
        recipe = HERE / "recipes/ansible"
        own = {
            "ANSIBLE_CONFIG": str(recipe / "ansible.cfg"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"),
            "ANSIBLE_HOME": str(self.folder / "home"),
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
        }
        argv = [str(self.programs / "ansible-playbook"), "-i", str(self.folder / "hosts"), "-e", f"@{order}"]
        return clocked([*argv, str(recipe / "mailboxes.yml")], env=os.environ | own)

    def _ssh(self) -> str:
        node = self.node
        options = f"-o UserKnownHostsFile={node.known_hosts} -o IdentitiesOnly=yes"
        return (
            f"ansible_port={node.port} ansible_user=root ansible_ssh_private_key_file={node.key} "
            f"ansible_ssh_common_args='{options}'"
        )


@dataclass(frozen=True)
class Pyinfra:
    """pyinfra, which asks what is there and then changes only what differs."""

    programs: Path
    node: PeerNode
    folder: Path
    name: str = "pyinfra"

    def apply(self, wanted: list[Account]) -> float:
        node = self.node
        ssh = {
            "ssh_user": "root",
            "ssh_port": node.port,
            "ssh_key": str(node.key),
            "ssh_known_hosts_file": str(node.known_hosts),
            "ssh_strict_host_key_checking": "yes",
        }
        order = self.folder / "order.json"
        content = {"host": node.address, "ssh": ssh, "accounts": [asdict(account) for account in wanted]}
        order.write_text(json.dumps(content))
        argv = [str(self.programs / "pyinfra"), "--yes", "inventory.py", "mailboxes.py"]
        own = {"PEERS_ORDER": str(order), "HOME": str(self.folder)}
        return clocked(argv, env=os.environ | own, cwd=HERE / "recipes/pyinfra")
