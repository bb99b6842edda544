"""A lab's network: one bridge in a namespace of its own, one veth per host, one veth into the root namespace.

Besides that last veth and its address nothing of the root namespace changes: no forwarding, no filter rules, so
hosts reach each other and this machine, and nothing else.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path

from provisioning.lab.errors import LabError

POOL = ipaddress.IPv4Network("10.64.0.0/10")
_SECONDS = 20
_NAMESPACES = Path("/run/netns")


class Network:
    """The network of the lab ``lab_id`` on ``subnet`` (a /24): up, down, and what of it exists now."""

    def __init__(self, lab_id: str, subnet: str) -> None:
        self._id = lab_id
        self._hub = namespace(lab_id, "hub")
        self._door = _door(lab_id)
        self._net = ipaddress.IPv4Network(subnet)

    @property
    def subnet(self) -> str:
        """The lab's network."""
        return str(self._net)

    @property
    def gateway(self) -> str:
        """The root namespace's own address in the lab."""
        return str(self._net[1])

    def address(self, number: int) -> str:
        """The address of the host with this number."""
        return str(self._net[number])

    def up(self, hosts: dict[str, int]) -> None:
        """Create the bridge, the door into the root namespace and one namespace for each host."""
        _ip("netns", "add", self._hub)
        _ip_batch(self._hub, ["link set lo up", "link add br0 type bridge", "link set br0 up"])
        self._open_door()
        for name, number in hosts.items():
            self._add_host(name, number)

    def _open_door(self) -> None:
        _ip("link", "add", self._door, "type", "veth", "peer", "name", "door", "netns", self._hub)
        _ip_batch(self._hub, ["link set door master br0 up"])
        _ip("address", "add", f"{self.gateway}/24", "dev", self._door)
        _ip("link", "set", self._door, "up")

    def _add_host(self, name: str, number: int) -> None:
        inside = namespace(self._id, name)
        _ip("netns", "add", inside)
        port = f"v{number}"
        _ip_batch(
            self._hub, [f"link add {port} type veth peer name eth0 netns {inside}", f"link set {port} master br0 up"]
        )
        _ip_batch(inside, ["link set lo up", f"address add {self.address(number)}/24 dev eth0", "link set eth0 up"])


def _door(lab_id: str) -> str:
    # Interface names hold 15 characters: "cis" and the id's eight fit.
    return f"cis{lab_id}"


def namespace(lab_id: str, name: str) -> str:
    """The name of a host's network namespace."""
    return f"cis-{lab_id}-{name}"


def namespaces(lab_id: str) -> list[str]:
    """The namespaces of this lab that exist now, also those a killed lab left behind."""
    return sorted(path.name for path in _NAMESPACES.glob(f"cis-{lab_id}-*"))


def remove(lab_id: str) -> None:
    """Remove all namespaces and links of this lab. Processes that still live in them must be ended before."""
    if (Path("/sys/class/net") / _door(lab_id)).exists():
        # The kernel takes a namespace's links down some time after its name: the door must be gone at once.
        _ip("link", "delete", _door(lab_id))
    for name in namespaces(lab_id):
        _ip("netns", "delete", name)


def pids(lab_id: str) -> Iterator[int]:
    """Every process that lives in a namespace of this lab."""
    for name in namespaces(lab_id):
        yield from (int(pid) for pid in _ip("netns", "pids", name).split())


def choose_subnet(lab_id: str, taken: Collection[str]) -> str:
    """A /24 that no route of this machine and no other lab touches; the same id tries the same ones first.

    Raises LabError when the whole pool is in use.
    """
    busy = [*map(ipaddress.IPv4Network, taken), *_routes()]
    subnets = 2 ** (24 - POOL.prefixlen)
    first = int(hashlib.sha256(lab_id.encode()).hexdigest(), 16) % subnets
    for step in range(subnets):
        candidate = ipaddress.IPv4Network((int(POOL.network_address) + (first + step) % subnets * 256, 24))
        if not any(candidate.overlaps(other) for other in busy):
            return str(candidate)
    raise LabError(f"No free network is left in {POOL} for the lab")


def is_free(subnet: str) -> bool:
    """Whether no route of this machine touches ``subnet``."""
    return not any(ipaddress.IPv4Network(subnet).overlaps(other) for other in _routes())


def _routes() -> list[ipaddress.IPv4Network]:
    rows = json.loads(_ip("-json", "route", "show", "table", "all") or "[]")
    names = [str(row.get("dst", "default")) for row in rows]
    return [ipaddress.IPv4Network(name, strict=False) for name in names if name != "default" and ":" not in name]


def _ip(*arguments: str) -> str:
    return _run(["ip", *arguments], None)


def _ip_batch(inside: str, lines: list[str]) -> None:
    _run(["ip", "-netns", inside, "-batch", "-"], "\n".join(lines) + "\n")


def _run(command: list[str], text: str | None) -> str:
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=True, timeout=_SECONDS)
    except FileNotFoundError as error:
        raise LabError("iproute2 is missing: apt-get install iproute2") from error
    except subprocess.CalledProcessError as error:
        raise LabError(f"{' '.join(command)}: {error.stderr.strip()}") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{' '.join(command)}: no answer within {_SECONDS} s") from error
    return done.stdout
