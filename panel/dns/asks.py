"""Which sets of a zone its servers are asked for, to see that they answer what is wanted."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from panel.dns.models import ZoneVersion
from panel.kernel.db import db
from provisioning import resources
from provisioning.probes.dns import Ask
from provisioning.record_sets import APEX, RecordSet

SETS_MOST = 50
"""How many sets of one zone are asked for at most; of a change, those that changed come first."""
SETS_AGAIN = 5
"""How many of a zone that did not change."""
AT_ONCE = 500

Key = tuple[str, str]


def ask_of(item: resources.Zone, changed: Collection[Key] | None) -> Ask:
    """What to ask of a zone of which ``changed`` changed: None, all of it; nothing, its start and a few of its sets."""
    if item.updates:  # programs change it: only they know what it holds
        return Ask(zone=item.name)
    held = {(one.name, one.type): one for one in item.records}
    hidden = _hidden(item.records)
    keys = list(held) if changed is None else sorted(changed) or list(held)[:SETS_AGAIN]
    chosen = [key for key in keys if not hidden.covers(*key)]
    return Ask(
        zone=item.name,
        sets=tuple(held[key] for key in chosen if key in held)[:SETS_MOST],
        gone=tuple(key for key in chosen if key not in held and not hidden.is_made_up(key[0]))[:SETS_MOST],
        soa=item.soa,
        signed=item.dnssec,
    )


def changed_keys(rows: Iterable[Any]) -> dict[uuid.UUID, set[Key] | None]:
    """Names and types that changed since the version that was seen, of each of ``rows``; None where none was seen."""
    since = {row.id: row.seen_version for row in rows}
    found: dict[uuid.UUID, set[Key] | None] = {id_: set() if seen else None for id_, seen in since.items()}
    ids = [row.id for row in rows if 0 < row.seen_version < row.version]
    query = select(ZoneVersion.zone_id, ZoneVersion.number, ZoneVersion.changes)
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        least = min(since[id_] for id_ in some)
        for row in db.session.execute(query.where(ZoneVersion.zone_id.in_(some), ZoneVersion.number > least)):
            keys = found[row.zone_id]
            if keys is not None and row.number > since[row.zone_id]:
                keys.update((name, type_) for name, type_, *_ in row.changes)
    return found


@dataclass(frozen=True)
class _Hidden:
    """Names that a zone holds without answering for them: below delegations and DNAMEs; and its wildcards."""

    cuts: frozenset[str]
    dnames: frozenset[str]
    stars: frozenset[str]
    names: frozenset[str]

    def covers(self, name: str, type_: str) -> bool:
        """Whether a question for this set is answered with something else (a referral, a name made up)."""
        if name in self.cuts and type_ != "DS":
            return True
        return any(above in self.cuts or above in self.dnames for above in _above(name))

    def is_made_up(self, name: str) -> bool:
        """Whether a wildcard answers for a name that is not there."""
        return name not in self.names and any(above in self.stars for above in _above(name))


def _hidden(records: Sequence[RecordSet]) -> _Hidden:
    names: Mapping[str, set[str]] = defaultdict(set)
    for one in records:
        names[one.type].add(one.name)
    return _Hidden(
        cuts=frozenset(names["NS"] - {APEX}),
        dnames=frozenset(names["DNAME"]),
        stars=frozenset(
            one.name.removeprefix("*").removeprefix(".") or APEX for one in records if one.name.split(".")[0] == "*"
        ),
        names=frozenset(one.name for one in records),
    )


def _above(name: str) -> list[str]:
    """The names above ``name`` in the zone, the apex last."""
    if name == APEX:
        return []
    labels = name.split(".")
    return [*(".".join(labels[start:]) for start in range(1, len(labels))), APEX]
