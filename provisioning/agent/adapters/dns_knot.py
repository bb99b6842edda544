"""What the adapter of zones asks of Knot, in Knot's own words: its configuration, its zones, its transactions."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import NamedTuple

from provisioning.agent.adapters.dns_config import LEAVING, SIGNED, UNSIGNED, UPDATES, UPDATES_ACL
from provisioning.agent.adapters.dns_rows import Row
from provisioning.agent.adapters.dns_settings import ALGORITHM, Command, Items, bare, by_zone, changes, rule_of, whole
from provisioning.agent.adapters.knot_control import Answer, KnotAway, KnotControl, KnotError, connected

SECONDS = 300.0
_AT_ONCE = 64
_POLL_SECONDS = 0.003
# Knot gives a connection up that is silent for longer than five seconds (knot.conf(5), control.timeout).
_IDLE_SECONDS = 1.0
# So long another's transaction is waited for; one that is open for longer was left by somebody who died in it.
_OPEN_SECONDS = 2.0
# What Knot makes itself when it signs.
SIGNING = frozenset({"RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "CDS", "CDNSKEY", "ZONEMD"})


class Served(NamedTuple):
    """What Knot answers of a zone: its serial, and the digest of all records but those it makes itself."""

    serial: int
    digest: str


class Knot:
    """What is said to the daemon on one errand."""

    def __init__(self, connection: ExitStack) -> None:
        self._connection = connection
        self._control: KnotControl | None = None
        self._used = 0.0
        self._rules: tuple[str, ...] | None = None

    @classmethod
    @contextmanager
    def reached(cls) -> Iterator[Knot]:
        """Be ready to connect; the first question does."""
        with ExitStack() as connection:
            yield cls(connection)

    @property
    def _link(self) -> KnotControl:
        """The connection, a new one where nothing was said for a while: Knot then ends it, and others have to wait.

        Raises KnotAway.
        """
        now = time.monotonic()
        if self._control is None or now - self._used > _IDLE_SECONDS:
            self._connection.close()
            self._control = self._connection.enter_context(connected(timeout=SECONDS))
        self._used = now
        return self._control

    def is_running(self) -> bool:
        """Tell that it answers. Raises KnotError."""
        return bool(self._link.ask("status", type="version"))

    def files(self, names: Collection[str] | None = None) -> dict[str, str]:
        """Tell the file of each of these zones, or of all, as they are configured; "" where it names none."""
        return {name: items.get("file", ("",))[0] for name, items in self.configured(names).items()}

    def configured(self, names: Collection[str] | None = None) -> dict[str, dict[str, tuple[str, ...]]]:
        """Read the configuration of these zones, or of all: name to item to values. Raises KnotError."""
        if names is None:
            return by_zone(self._link.ask("conf-read", section="zone"))
        told = self._each({"command": "conf-read", "section": "zone", "id": name} for name in names)
        return by_zone(answer for answers in told if not isinstance(answers, KnotError) for answer in answers)

    def keys(self) -> dict[str, str]:
        """Tell the secrets of the TSIG keys, by name."""
        return {bare(name): items.get("secret", ("",))[0] for name, items in self._section("key").items()}

    def updated_by(self) -> frozenset[str]:
        """Name the keys by which zones may be updated as rules have it: by whoever holds them, in that one type."""
        rules = self._section("acl")
        names = {name.removeprefix(UPDATES_ACL) for name in rules if name.startswith(UPDATES_ACL)}
        return frozenset(name for name in names if rules[f"{UPDATES_ACL}{name}"] == rule_of(name))

    def items_of(self, row: Row) -> Items:
        """Tell what stands in Knot's configuration of a zone."""
        if row.updates:
            signed = {"dnssec-signing": ("on",), "dnssec-policy": (LEAVING if row.leaving else SIGNED,)}
            rules = (*self._rules_of_template(), f"{UPDATES_ACL}{row.updates}")
            return {"template": (UPDATES,), "file": (row.file,), "acl": rules, **(signed if row.dnssec else {})}
        template = (LEAVING if row.leaving else SIGNED) if row.dnssec else UNSIGNED
        return {"template": (template,), "file": (row.file,)}

    def configure(
        self,
        had: Mapping[str, Items],
        wanted: Mapping[str, Items],
        gone: Collection[str],
        keys: Mapping[str, str],
        unused: Collection[str] = (),
    ) -> None:
        """Change the configuration of zones in one transaction. Raises KnotError.

        ``keys``: by name, which get a rule each; those with a secret are made. ``unused``: keys that go, and their
        rules.
        """
        commands = list(self._keyed(keys)) if keys else []
        commands += [{"command": "conf-unset", "section": "zone", "id": name} for name in gone]
        for name, items in wanted.items():
            commands += changes(name, had.get(name), items)
        commands += self._without(unused) if unused else []
        if not commands:
            return
        self._begin("conf", "")
        try:
            for result in self._each(commands):
                if isinstance(result, KnotError):
                    raise result
            self._link.ask("conf-commit")
        except KnotAway:
            raise
        except KnotError:
            with suppress(KnotError):
                self._link.ask("conf-abort")
            raise

    def reload(self, names: Iterable[str], *, wait: bool) -> dict[str, str]:
        """Have zone files read; with ``wait`` one by one, telling what Knot said where it would not."""
        flags = {"flags": "B"} if wait else {}
        told = self._named("zone-reload", names, **flags)
        return {name: str(result) for name, result in told if isinstance(result, KnotError)}

    def wait_until_loaded(self, names: Iterable[str]) -> None:
        """Wait until Knot has read all that it was to read, or some minutes."""
        until = time.monotonic() + SECONDS
        for name in names:
            while self._is_loading(name) and time.monotonic() < until:
                time.sleep(_POLL_SECONDS)

    def serials(self, names: Collection[str] | None = None) -> dict[str, int]:
        """Tell the serial of each of these zones, or of all; those that are not loaded are left out."""
        if names is None:
            answers: Iterable[Answer] = self._link.ask("zone-status", filters="s")
        else:
            told = self._named("zone-status", names, filters="s")
            answers = [one for _, found in told if not isinstance(found, KnotError) for one in found]
        return {bare(one.zone): int(one.data) for one in answers if one.type == "serial" and one.data.isdigit()}

    def served(self, names: Iterable[str]) -> dict[str, Served]:
        """Read these zones as they are answered; those that are not loaded are left out."""
        told = self._named("zone-read", names)
        return {name: _served(answers) for name, answers in told if not isinstance(answers, KnotError) and answers}

    def read(self, name: str, owner: str = "", type_: str = "") -> list[Answer]:
        """Read records of a zone; nothing where it is not loaded or has none."""
        with suppress(KnotError):
            return self._link.ask("zone-read", zone=name, owner=owner, type=type_)
        return []

    def write(self, name: str, unset: Sequence[tuple[str, str]], records: Sequence[tuple[str, int, str, str]]) -> None:
        """Change records of a zone in one transaction. Raises KnotError."""
        self._begin("zone", name)
        try:
            for owner, type_ in unset:
                self._link.ask("zone-unset", zone=name, owner=owner, type=type_)
            for owner, ttl, type_, data in records:
                self._link.ask("zone-set", zone=name, owner=owner, ttl=str(ttl), type=type_, data=data)
            self._link.ask("zone-commit", zone=name)
        except KnotAway:
            raise
        except KnotError:
            with suppress(KnotError):
                self._link.ask("zone-abort", zone=name)
            raise

    def announce(self, names: Iterable[str]) -> None:
        """Notify secondaries of these zones, and of the catalog that tells them which there are. Raises KnotError."""
        catalog = self._link.ask("conf-read", section="template", id=UNSIGNED, item="catalog-zone")
        for _ in self._named("zone-notify", [*(one.data for one in catalog), *names]):
            pass  # one that is not there any more has nobody to be told of it

    def confirm_ds(self, names: Iterable[str]) -> dict[str, bool]:
        """Tell that parents have the DS of these zones' newest keys, so that older ones may go; False: none waits."""
        told = self._named("zone-ksk-submitted", names)
        return {name: not isinstance(result, KnotError) for name, result in told}

    def purge(self, names: Iterable[str]) -> dict[str, str]:
        """Delete the journal, the times and the keys of zones that are configured no more."""
        told = self._named("zone-purge", names, flags="F", filters="o")
        return {name: str(result) for name, result in told if isinstance(result, KnotError)}

    def _begin(self, what: str, zone: str) -> None:
        until = time.monotonic() + _OPEN_SECONDS
        while time.monotonic() < until:
            try:
                self._link.ask(f"{what}-begin", zone=zone)
            except KnotAway:
                raise
            except KnotError:
                time.sleep(_POLL_SECONDS * 10)
            else:
                return
        with suppress(KnotError):
            self._link.ask(f"{what}-abort", zone=zone)
        self._link.ask(f"{what}-begin", zone=zone)

    def _is_loading(self, name: str) -> bool:
        with suppress(KnotError):
            told = self._link.ask("zone-status", zone=name, filters="e")
            return any(one.type == "load" and one.data in {"pending", "running"} for one in told)
        return False

    def _rules_of_template(self) -> tuple[str, ...]:
        """A zone's own rules take the place of its template's: those who may fetch it still may."""
        if self._rules is None:
            self._rules = ()
            with suppress(KnotError):
                told = self._link.ask("conf-read", section="template", id=UPDATES, item="acl")
                self._rules = tuple(one.data for one in told)
        return self._rules

    def _keyed(self, keys: Mapping[str, str]) -> Iterator[Command]:
        present, right, rules = self.keys(), self.updated_by(), self._section("acl")
        for name, secret in sorted(keys.items()):
            if secret and present.get(name) != secret:
                yield from whole("key", f"{name}.", {"algorithm": (ALGORITHM,), "secret": (secret,)}, name in present)
            if name not in right:
                rule = f"{UPDATES_ACL}{name}"
                yield from whole("acl", rule, rule_of(name), rule in rules)

    def _without(self, keys: Iterable[str]) -> Iterator[Command]:
        present, rules = self.keys(), self._section("acl")
        for name in sorted(keys):
            if f"{UPDATES_ACL}{name}" in rules:
                yield {"command": "conf-unset", "section": "acl", "id": f"{UPDATES_ACL}{name}"}
            if name in present:
                yield {"command": "conf-unset", "section": "key", "id": f"{name}."}

    def _section(self, section: str) -> dict[str, dict[str, tuple[str, ...]]]:
        """All of one section of the configuration: id to item to values; nothing where nothing is set."""
        found: dict[str, dict[str, tuple[str, ...]]] = {}
        with suppress(KnotError):
            for one in self._link.ask("conf-read", section=section):
                items = found.setdefault(one.id or one.data, {})
                if one.item != "id":
                    items[one.item] = (*items.get(one.item, ()), one.data)
        return found

    def _named(
        self, command: str, names: Iterable[str], **parts: str
    ) -> Iterator[tuple[str, list[Answer] | KnotError]]:
        names = list(names)
        return zip(names, self._each({"command": command, "zone": name, **parts} for name in names), strict=True)

    def _each(self, commands: Iterable[Command]) -> Iterator[list[Answer] | KnotError]:
        """Do commands one after the other, some sent ahead: not so many that both ends wait for room to write."""
        waiting: list[Command] = []
        for command in commands:
            waiting.append(command)
            if len(waiting) == _AT_ONCE:
                yield from self._some(waiting)
                waiting.clear()
        yield from self._some(waiting)

    def _some(self, commands: Sequence[Command]) -> Iterator[list[Answer] | KnotError]:
        for command in commands:
            parts = dict(command)
            self._link.send(parts.pop("command"), **parts)
        for _ in commands:
            try:
                yield self._link.receive()
            except KnotAway:
                raise
            except KnotError as error:
                yield error


def _served(answers: Sequence[Answer]) -> Served:
    serial, lines = 0, []
    for one in answers:
        if one.type == "SOA":
            mname, rname, number, *times = one.data.split()
            serial = int(number)
            lines.append(" ".join((one.owner, one.ttl, "SOA", mname, rname, *times)))
        elif one.type not in SIGNING:
            lines.append(f"{one.owner} {one.ttl} {one.type} {one.data}")
    return Served(serial, hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest())
