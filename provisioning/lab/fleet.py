"""Which hosts a lab has. One more host is one more entry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_NAME = re.compile(r"[a-z][a-z0-9-]{0,14}")
# RFC 6761 6.2 keeps .test for testing: these names can never be anybody's.
DOMAIN = "lab.test"


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One host: its name, the roles enrolment will give it, and the last number of its address (2 to 254).

    ``shown``: folders of this machine that it sees at the same place, read-only.
    """

    name: str
    roles: tuple[str, ...]
    host_number: int
    shown: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name == "hub":
            raise ValueError(f"not a host name: {self.name}")
        if not 2 <= self.host_number <= 254:
            raise ValueError(f"{self.name}: host number {self.host_number} is not within 2 to 254")

    @property
    def hostname(self) -> str:
        """The full name by which the host knows itself."""
        return f"{self.name}.{DOMAIN}"


DEFAULT_FLEET = (NodeSpec("mail1", ("mail",), 11),)
"""What tests have unless they say otherwise: the fewest hosts that a panel works with."""

NAME_SERVERS = (NodeSpec("ns1", ("dns_primary",), 21), NodeSpec("ns2", ("dns_secondary",), 22))
RESOLVER, RESOLVER_HOST = "resolver", "res1"
"""A host that is no node: at it all others ask for names (`resolver`). Enrolment knows no such role."""
WHOLE_FLEET = (*DEFAULT_FLEET, *NAME_SERVERS, NodeSpec(RESOLVER_HOST, (RESOLVER,), 53))
"""What `make run` and `cis lab` have. With a resolver in it hosts know each other by what the name servers answer."""
