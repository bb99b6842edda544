"""Compare the mail rows with what Postfix really reads: its maps, whole, as they are now.

What the agent noted about a map's file is not asked: size and times can be put back, content cannot.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from provisioning.agent.adapters import mail_rows as rows
from provisioning.agent.adapters.contract import Foreign, Inspected
from provisioning.agent.adapters.mail_entries import MAPS, entries, entry_lines, queued_for
from provisioning.agent.adapters.mail_maps import PostfixMaps, parse
from provisioning.agent.store import Transaction
from provisioning.resources import InvalidResource, check_address, check_domain

DROPPED_MAX = 1_000
# Which maps show whether a kind is served.
_MAPS_OF_KIND = {
    "mail_domain": ("domains",),
    "mailbox": ("mailboxes", "senders", "stopped", "closed"),
    "alias": ("aliases", "senders", "closed"),
}
_OWNING_KINDS = {
    "domains": ("mail_domain",),
    "mailboxes": ("mailbox",),
    "aliases": ("alias",),
    "senders": ("mailbox", "alias"),
    "stopped": ("mailbox",),
    "closed": ("mailbox", "alias"),
}


@dataclass(frozen=True, slots=True)
class MapDifference:
    """Keys whose row in a map is missing or another one, and rows that should not be there."""

    unserved: Collection[str] = ()
    foreign: Mapping[str, str] = field(default_factory=dict)
    same: bool = False

    def __bool__(self) -> bool:
        return not self.same


def inspect(tx: Transaction, maps: PostfixMaps, kind: str | None = None) -> Inspected:
    """Tell which rows of this kind, or of all, Postfix does not read as they are, and what else it reads.

    Raises CommandFailed.
    """
    unserved = {name: rows.unsound(tx, name) for name in ([kind] if kind else rows.KINDS)}
    differences = compare(tx, maps, _MAPS_OF_KIND[kind] if kind else MAPS)
    for name, difference in differences.items():
        for owner in unserved.keys() & _OWNING_KINDS[name] if difference else ():
            unserved[owner] |= rows.unplain(tx, owner) | rows.ids_by_name(tx, owner, difference.unserved)
    foreign = [Foreign(name, *pair) for name, found in differences.items() for pair in found.foreign.items()]
    return Inspected(unserved, foreign)


def compare(tx: Transaction, maps: PostfixMaps, names: Iterable[str]) -> dict[str, MapDifference]:
    """Compare each of these maps with the rows. Raises CommandFailed."""
    names = tuple(names)
    readings = {name: maps.start_reading(name) for name in names}
    # One after the other: of a million rows one map's texts are in memory, not those of all.
    return {name: _difference(tx, name, entry_lines(tx, name), readings[name].result()) for name in names}


def among(tx: Transaction, maps: PostfixMaps, foreign: Collection[tuple[str, str]]) -> list[Foreign]:
    """Find which of these rows, named by map and key, are there and nobody's.

    Raises InvalidResource for what is no map of ours or no address or domain, CommandFailed.
    """
    if len(foreign) > DROPPED_MAX:
        raise InvalidResource("foreign", "too_many")
    for name, key in foreign:
        _check(name, key)
    found = compare(tx, maps, {name: None for name, _ in foreign}) if foreign else {}
    return [Foreign(name, key, found[name].foreign[key]) for name, key in foreign if key in found[name].foreign]


def _difference(tx: Transaction, name: str, wanted: str, found: bytes) -> MapDifference:
    # Rows and map in the same order are the same text: a hundred thousand are compared without taking them apart.
    if wanted.encode() == found:
        return MapDifference(same=True)
    should, there = entries(tx, name), parse(found)
    queued = queued_for(tx, name)
    return MapDifference(
        [key for key, value in should.items() if there.get(key) != value],
        {key: value for key, value in there.items() if key not in should and key not in queued},
    )


def _check(name: str, key: str) -> None:
    """Let through the keys that Postfix looks up (postconf(5), virtual(5)): address, ``@domain``, domain."""
    if name not in MAPS:
        raise InvalidResource("map", "unknown")
    if "@" in key.lstrip("@"):
        check_address(key, field="key")
    else:
        check_domain(key.removeprefix("@"), field="key")
