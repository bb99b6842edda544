"""The lab: hosts on this machine, brought up and taken down together."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from provisioning.lab import network
from provisioning.lab.base import ensure_base
from provisioning.lab.errors import LabError, NoSuchNode, NotRunning
from provisioning.lab.fleet import DEFAULT_FLEET, NAME_SERVERS, RESOLVER, NodeSpec
from provisioning.lab.host import Host
from provisioning.lab.network import Network
from provisioning.lab.resolver import files_of_client, files_of_resolver
from provisioning.lab.state import HostProcess, LabState, NodeState, read_json, write_json

# Held while a network is chosen and made, by every lab of this machine.
_NETWORKS_LOCK = Path("/run/lock/cis-lab-networks")
_EXEC_SECONDS = 60.0


def say_nothing(_line: str) -> None:
    """The progress of those who do not want to hear any."""


class Lab:
    """The lab ``name`` of the checkout ``root``. Several live side by side: all they own carries their id.

    Needs root. Every method raises LabError with one line for the person who asked.
    """

    def __init__(
        self,
        root: Path,
        name: str = "main",
        *,
        fleet: Sequence[NodeSpec] = DEFAULT_FLEET,
        progress: Callable[[str], None] = say_nothing,
    ) -> None:
        self.name = name
        self._fleet = tuple(fleet)
        self._progress = progress
        self._folder = root.resolve() / "var/lab" / name
        self.lab_id = hashlib.sha256(os.fsencode(self._folder)).hexdigest()[:8]

    @property
    def operator_key(self) -> Path:
        """The private key that opens root on every host: the operator's, never the panel's."""
        return self._folder / "operator"

    def up(self) -> LabState:
        """Boot all hosts, keeping what they held. A lab that is up stays as it is; remains of a killed one go first."""
        _require_root()
        base = ensure_base(self._progress)
        with self._alone():
            self._make_operator_key()
            if not self._all_running():
                self._clear()
                self._boot(base)
            return self.state()

    def down(self) -> None:
        """Stop all hosts and remove the network, of this lab only. Data and keys stay on disk."""
        _require_root()
        if self._folder.is_dir():
            with self._alone():
                self._clear()

    def destroy(self) -> None:
        """Take the lab down and delete what its hosts held."""
        self.down()
        shutil.rmtree(self._folder, ignore_errors=True)

    def state(self) -> LabState:
        """What others need in order to reach the hosts. Raises NotRunning if the lab was never up."""
        subnet = self._remembered_subnet()
        if not subnet:
            raise NotRunning(f"The lab {self.name} is not up: start it with `cis lab up`")
        net = Network(self.lab_id, subnet)
        nodes = {
            spec.name: NodeState(spec.name, spec.roles, spec.hostname, net.address(spec.host_number))
            for spec in self._fleet
        }
        return LabState(self.lab_id, subnet, net.gateway, self.operator_key, nodes)

    def power_off(self, node: str) -> None:
        """Stop one host as a power cut would; the others and the network stay."""
        self._find(node).stop()

    def power_on(self, node: str) -> None:
        """Boot one host that was powered off, with what it held."""
        with self._alone():
            self._boot_one(self._spec(node), ensure_base(self._progress))

    def replace(self, node: str) -> None:
        """Put an empty host with other keys in the place of one, at the same address."""
        self.power_off(node)
        shutil.rmtree(self._folder / node)
        self.power_on(node)

    def status(self) -> dict[str, bool]:
        """Which hosts run now."""
        return {spec.name: self._host(spec).running() for spec in self._fleet}

    def exec(
        self, node: str, argv: list[str], *, timeout: float = _EXEC_SECONDS, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command as root inside a host, from this machine and past SSH: for tests and the operator only."""
        return self._find(node).exec(argv, timeout=timeout, stdin=stdin)

    def spawn(
        self, node: str, argv: list[str], *, log: Path, cwd: Path, env: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        """Start a program as root inside a host that goes on running; it ends with the host."""
        return self._find(node).spawn(argv, log=log, cwd=cwd, env=env)

    def run(self, node: str, argv: list[str]) -> int:
        """Run a command as root inside a host with this terminal; return its exit code."""
        return self._find(node).run(argv)

    def shell(self, node: str) -> int:
        """A root shell inside a host."""
        return self.run(node, ["/bin/bash", "-l"])

    def _boot(self, base: Path) -> None:
        net = self._make_network()
        for spec in self._fleet:
            self._start(spec, net, base)
        for spec in self._fleet:
            self._wait(spec, net)

    def _boot_one(self, spec: NodeSpec, base: Path) -> None:
        net = Network(self.lab_id, str(self._remembered_subnet()))
        self._start(spec, net, base)
        self._wait(spec, net)

    def _start(self, spec: NodeSpec, net: Network, base: Path) -> None:
        host = self._host(spec)
        key = self.operator_key.with_suffix(".pub").read_text()
        host.prepare(
            hosts=self._hosts_file(net, spec), authorized_key=key, shown=spec.shown, files=self._files(net, spec)
        )
        host.start(base)

    def _wait(self, spec: NodeSpec, net: Network) -> None:
        address = net.address(spec.host_number)
        self._host(spec).wait(address, 22)
        self._progress(f"{spec.name} is up at {address}")

    def _make_network(self) -> Network:
        with _locked(_NETWORKS_LOCK):
            remembered = self._remembered_subnet()
            if not remembered or not network.is_free(remembered):
                remembered = network.choose_subnet(self.lab_id, self._neighbours())
            write_json(self._folder / "state.json", {"subnet": remembered})
            net = Network(self.lab_id, remembered)
            net.up({spec.name: spec.host_number for spec in self._fleet})
        return net

    def _clear(self) -> None:
        for folder in sorted(self._folder.glob("*/upper")):
            Host(folder.parent.name, folder.parent, "").stop()
        for pid in network.pids(self.lab_id):
            if process := HostProcess.of(pid):
                with suppress(ProcessLookupError):  # it ended by itself meanwhile
                    os.kill(process.pid, signal.SIGKILL)
        network.remove(self.lab_id)

    def _all_running(self) -> bool:
        return all(self.status().values()) and len(network.namespaces(self.lab_id)) == len(self._fleet) + 1

    def _neighbours(self) -> list[str]:
        files = [path for path in self._folder.parent.glob("*/state.json") if path.parent != self._folder]
        return [str(content["subnet"]) for content in map(read_json, files) if "subnet" in content]

    def _remembered_subnet(self) -> str | None:
        return read_json(self._folder / "state.json").get("subnet")

    def _hosts_file(self, net: Network, own: NodeSpec) -> str:
        """Where there is a resolver, each host's own name alone: the others' are for the name servers to tell."""
        told = [own] if self._with_role(RESOLVER) else self._fleet
        lines = [f"{net.address(spec.host_number)} {spec.hostname} {spec.name}" for spec in told]
        return "\n".join(["127.0.0.1 localhost", "::1 localhost", *lines]) + "\n"

    def _files(self, net: Network, own: NodeSpec) -> dict[str, tuple[str, int]]:
        """What has the host ask the lab's resolver, where there is one."""
        resolvers = self._with_role(RESOLVER)
        if not resolvers:
            return {}
        servers = [net.address(spec.host_number) for spec in NAME_SERVERS if spec in self._fleet]
        files = files_of_resolver(net.subnet, servers) if own in resolvers else {}
        return files | files_of_client(net.address(resolvers[0].host_number))

    def _with_role(self, role: str) -> list[NodeSpec]:
        return [spec for spec in self._fleet if role in spec.roles]

    def _make_operator_key(self) -> None:
        if not self.operator_key.exists():
            command = [
                "ssh-keygen",
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-C",
                "lab operator",
                "-f",
                str(self.operator_key),
            ]
            try:
                subprocess.run(command, check=True, timeout=30, stdin=subprocess.DEVNULL)
            except FileNotFoundError as error:
                raise LabError("ssh-keygen is missing: apt-get install openssh-client") from error

    def _host(self, spec: NodeSpec) -> Host:
        return Host(spec.name, self._folder / spec.name, network.namespace(self.lab_id, spec.name))

    def _find(self, node: str) -> Host:
        return self._host(self._spec(node))

    def _spec(self, node: str) -> NodeSpec:
        for spec in self._fleet:
            if spec.name == node:
                return spec
        raise NoSuchNode(f"No node {node} in this lab: there are {', '.join(spec.name for spec in self._fleet)}")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        # The upper layers hold whatever hosts hold, set-uid files too: nobody but root walks in.
        self._folder.parent.chmod(0o700)
        with _locked(self._folder / "lock"):
            yield


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _require_root() -> None:
    if os.geteuid() != 0:
        raise LabError("The lab needs root: namespaces and mounts cannot be made without (try sudo)")
