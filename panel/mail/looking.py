"""Looking at mail from outside: which resource is looked at how deep.

One new mailbox always gets a message. In bulk every address is asked for by RCPT; one mailbox of each domain, and at
least twenty of the batch, get a message that is read back and removed. Of a mailbox whose member's services are closed,
and of its aliases, it is seen that they refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from panel.ledger import names
from panel.ledger.nodes import Node
from panel.mail.desired import closed_addresses
from panel.mail.models import ADDRESSES
from provisioning.probes.findings import Finding, NotSeen, Seen
from provisioning.probes.lines import ProbeError
from provisioning.probes.mail import MailProbe, MailTarget
from provisioning.probes.secrets import new_master, new_token, watch_of

MESSAGES_LEAST = 20
MASTER_SECONDS = 900
ONE_SECONDS = 10.0
PORTS_SECONDS = 3.0
"""How long the ports of a node may stay silent before a whole look is given up for it."""

Key = tuple[str, str]


class Row(Protocol):
    """What is known of a resource in a batch (``engine.kinds.Wanted``)."""

    @property
    def row(self) -> Any:
        """The row as read."""

    @property
    def item(self) -> Any:
        """What is sent for it."""

    @property
    def key(self) -> Key:
        """Kind and id."""


R = TypeVar("R")
See = Callable[[Sequence[Row]], dict[Key, Finding]]


class MailLooker:
    """Looks at one mail node; keeps its SMTP connection warm. Not thread-safe."""

    def __init__(self, node: Node, *, source: str) -> None:
        self._probe = MailProbe(MailTarget(node.address, node.hostname, node.certificate))
        self._source = source

    def ready(self, wanted: Sequence[R]) -> Sequence[R]:
        """Nothing has to be known before mail is set up."""
        return wanted

    def prepare(self, wanted: Sequence[Row], *, deep: int = MESSAGES_LEAST) -> MailLook:
        """Choose who gets a message and what the node must know for it."""
        return MailLook(self._probe, self._source, wanted, deep)

    def close(self) -> None:
        """Let go of the warm connection."""
        self._probe.close()


class MailLook:
    """A look at one batch."""

    def __init__(self, probe: MailProbe, source: str, wanted: Sequence[Row], deep: int) -> None:
        self._probe = probe
        boxes = [one for one in wanted if one.key[0] == "mailbox" and one.row.want == "put" and not _is_closed(one)]
        self._tokens = {one.item.id: new_token() for one in _sample(boxes, deep)}
        self._master = new_master(source, seconds=MASTER_SECONDS)
        self._silent: NotSeen | None = None
        self.watch: Mapping[str, Any] | None = watch_of(self._master, self._tokens) if boxes else None

    def see(self, applied: Sequence[Row]) -> dict[Key, Finding]:
        """Look at each resource the node confirmed. On a node whose ports are silent nobody waits for each of them."""
        groups: dict[str, list[Row]] = {}
        for one in applied:
            groups.setdefault(one.key[0] if one.row.want == "put" else "gone", []).append(one)
        return (
            self._unless_silent(self._see_domains, groups.get("mail_domain", []))
            | self._see_mailboxes(groups.get("mailbox", []))
            | self._see_aliases(groups.get("alias", []))
            | self._unless_silent(self._see_gone, groups.get("gone", []))
        )

    def _unless_silent(self, see: See, rows: Sequence[Row]) -> dict[Key, Finding]:
        """See ``rows``. Where one could not be reached, ask the ports alone: silent ones answer for all that follow."""
        if self._silent is not None:
            return dict.fromkeys((one.key for one in rows), self._silent)
        findings = see(rows) if rows else {}
        if any(isinstance(found, NotSeen) and found.code == "unreachable" for found in findings.values()):
            ports = self._probe.see_ports(timeout=PORTS_SECONDS)
            self._silent = ports if isinstance(ports, NotSeen) else None
        return findings

    def _see_domains(self, rows: Sequence[Row]) -> dict[Key, Finding]:
        names = [one.item.name for one in rows]
        found = self._probe.see_domains(names, timeout=_seconds(rows)) if rows else {}
        return {one.key: found[one.item.name] for one in rows}

    def _see_mailboxes(self, rows: Sequence[Row]) -> dict[Key, Finding]:
        closed = [one for one in rows if _is_closed(one)]
        chosen = [one for one in rows if one.item.id in self._tokens]
        others = [one for one in rows if one.item.id not in self._tokens and not _is_closed(one)]
        findings = self._unless_silent(self._see_closed, closed)
        if not others:
            return findings | self._see_chosen(chosen)
        with ThreadPoolExecutor(max_workers=1) as beside:
            messages = beside.submit(self._see_chosen, chosen)
            return findings | self._unless_silent(self._see_addresses, others) | messages.result()

    def _see_chosen(self, rows: Sequence[Row]) -> dict[Key, Finding]:
        findings: dict[Key, Finding] = {}
        for one in rows:
            findings |= self._unless_silent(lambda some: {some[0].key: self._see_one(some[0])}, [one])
        return findings

    def _see_one(self, one: Row) -> Finding:
        address, secret = one.item.address, self._master.secret
        if one.row.seen_generation == 0:
            token = self._tokens[one.item.id]
            return self._probe.see_message(address, token=token, master_secret=secret, timeout=ONE_SECONDS)
        return self._probe.see_again(address, master_secret=secret, timeout=ONE_SECONDS)

    def _see_addresses(self, rows: Sequence[Row]) -> dict[Key, Finding]:
        found = self._probe.see_recipients([one.item.address for one in rows], timeout=_seconds(rows)) if rows else {}
        return {one.key: found[one.item.address] for one in rows}

    def _see_aliases(self, rows: Sequence[Row]) -> dict[Key, Finding]:
        """An alias that leads to a closed mailbox is closed with it."""
        targets = closed_addresses([one.item.target for one in rows])
        closed = [one for one in rows if one.item.target in targets]
        others = [one for one in rows if one.item.target not in targets]
        return self._unless_silent(self._see_closed, closed) | self._unless_silent(self._see_addresses, others)

    def _see_closed(self, rows: Sequence[Row]) -> dict[Key, Finding]:
        taken = NotSeen("refused", "mail to the closed address is still taken")
        refused = self._refused([one.item.address for one in rows], Seen("closed"), taken)
        return {one.key: refused[one.item.address] for one in rows}

    def _see_gone(self, rows: Sequence[Row]) -> dict[Key, Finding]:
        """What is gone must be refused; an address that something else holds by now answers for its new holder."""
        named = [one for one in rows if one.key[0] != "mail_domain"]
        held = names.taken(ADDRESSES, [one.row.address for one in named])
        alone = [one for one in named if held.get(one.row.address, one.row.id) == one.row.id]
        findings: dict[Key, Finding] = {one.key: Seen("absent") for one in named if one not in alone}
        still = NotSeen("refused", "mail to the removed address is still taken")
        absent = self._refused([one.row.address for one in alone], Seen("absent"), still)
        findings |= {one.key: absent[one.row.address] for one in alone}
        domains = [one for one in rows if one.key[0] == "mail_domain"]
        named_so = [one.row.name for one in domains]
        served = self._probe.see_domains(named_so, timeout=_seconds(domains)) if domains else {}
        return findings | {one.key: _turned_round(served[one.row.name]) for one in domains}

    def _refused(self, addresses: Sequence[str], as_wanted: Finding, still: Finding) -> dict[str, Finding]:
        try:
            absent = self._probe.see_absence(addresses, timeout=_seconds(addresses)) if addresses else {}
        except ProbeError as error:
            return dict.fromkeys(addresses, error.finding())
        return {address: as_wanted if gone else still for address, gone in absent.items()}


def _is_closed(one: Row) -> bool:
    return getattr(one.item, "grade", "") == "closed"


def _seconds(many: Sized) -> float:
    """How long to wait for what is asked in one go: on a silent node that is how long a change has to wait."""
    return ONE_SECONDS + 0.01 * len(many)


def _turned_round(served: Finding) -> Finding:
    if isinstance(served, Seen):
        return NotSeen("refused", "the node still takes mail for the domain")
    return Seen("absent") if served.code == "refused" else served


def _sample(boxes: Sequence[Row], deep: int) -> Iterable[Row]:
    """All when few; else the first of each domain and enough others, spread over the batch."""
    if len(boxes) <= deep:
        return boxes
    firsts = {one.item.address.rpartition("@")[2]: one for one in reversed(boxes)}
    spread = boxes[:: max(1, len(boxes) // deep)]
    return {one.item.id: one for one in (*firsts.values(), *spread)}.values()
