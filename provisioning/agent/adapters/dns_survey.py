"""Compare the rows of zones with what Knot is configured for, what its files hold and what it answers.

Files and configuration are read whole, as they are now. What Knot answers is read where its serial is not the one it
had come to when the agent looked last: whoever changes a zone by another way than its file moves the serial.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from provisioning.agent.adapters import dns_rows
from provisioning.agent.adapters.commands import CommandFailed
from provisioning.agent.adapters.contract import Foreign
from provisioning.agent.adapters.dns_config import CATALOG, ZONES
from provisioning.agent.adapters.dns_knot import Knot
from provisioning.agent.adapters.dns_render import zone_file
from provisioning.agent.adapters.dns_rows import SERVED, Row
from provisioning.agent.adapters.dns_settings import Items
from provisioning.agent.adapters.knot_control import KnotError
from provisioning.agent.files import BadName, FixedRoot
from provisioning.agent.store import Transaction
from provisioning.resources import InvalidResource, check_zone_name

MAP = "knot"
"""What foreign zones are called by in a survey, where mail names a map."""
DROPPED_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Found:
    """Ids of zones that are not served as their rows say, foreign ones, and serials that turned out to be well."""

    unserved: Collection[str]
    foreign: Collection[Foreign]
    moved: Mapping[str, tuple[int, int]]


def look(tx: Transaction) -> Found:
    """Compare everything. Raises CommandFailed with Knot's words."""
    rows = list(dns_rows.rows(tx))
    try:
        with Knot.reached() as knot:
            configured = knot.configured()
            serials = knot.serials()
            unserved = _misplaced(knot, rows, configured) | _other_files(rows) | _not_loaded(rows, serials)
            unserved |= _otherwise_keyed(knot, rows, dns_rows.secrets(tx))
            suspects = [row for row in rows if row.id not in unserved and _moved(row, serials)]
            served = knot.served(row.name for row in suspects)
    except KnotError as error:
        raise CommandFailed(str(error)) from error
    changed = {row.id for row in suspects if row.name not in served or served[row.name].digest != row.served}
    moved = {row.id: (row.generation, served[row.name].serial) for row in suspects if row.id not in changed}
    return Found(unserved | changed, _foreign(tx, rows, configured), moved)


def drop(knot: Knot, tx: Transaction, named: Collection[tuple[str, str]]) -> list[Foreign]:
    """Find which of these zones, named by map and key, are there and nobody's.

    Raises InvalidResource for what is no name of a zone, KnotError.
    """
    names = [key for name, key in named if name == MAP]
    if len(names) > DROPPED_MAX:
        raise InvalidResource("foreign", "too_many")
    for name in names:
        check_zone_name(name)
    there = _foreign(tx, list(dns_rows.rows(tx)), knot.configured(names))
    return [one for one in there if one.key in names]


def _misplaced(knot: Knot, rows: Collection[Row], configured: Mapping[str, Items]) -> set[str]:
    """Rows whose zone Knot's configuration has not, or otherwise."""
    return {row.id for row in rows if configured.get(row.name) != knot.items_of(row)}


def _otherwise_keyed(knot: Knot, rows: Collection[Row], secrets: Mapping[str, str]) -> set[str]:
    """Rows whose zone others may update than the holders of its key, or they more than they should."""
    updated = [row for row in rows if row.updates]
    if not updated:
        return set()
    present, right = knot.keys(), knot.updated_by()
    known = {name: secrets.get(name, present.get(name)) for name in right & present.keys()}
    return {row.id for row in updated if row.updates not in known or known[row.updates] != present[row.updates]}


def _other_files(rows: Collection[Row]) -> set[str]:
    """Rows whose file is not as it would be written now; what takes updates has none."""
    pushed = {row.file: row for row in rows if not row.updates}
    try:
        found = FixedRoot(Path(ZONES)).read_all(pushed)
        return {pushed[file].id for file, content in found if content != _wanted(pushed[file])}
    except (OSError, BadName):
        return {row.id for row in pushed.values()}


def _wanted(row: Row) -> bytes | None:
    try:
        return zone_file(row)
    except (ValueError, KeyError, TypeError):
        return None


def _not_loaded(rows: Collection[Row], serials: Mapping[str, int]) -> set[str]:
    return {row.id for row in rows if row.state != SERVED or row.name not in serials}


def _moved(row: Row, serials: Mapping[str, int]) -> bool:
    return not row.updates and serials[row.name] != row.serial


def _foreign(tx: Transaction, rows: Collection[Row], configured: Mapping[str, Items]) -> list[Foreign]:
    known = {row.name for row in rows}
    queued = {one.name for one in dns_rows.pending(tx)}
    return [
        Foreign(MAP, name, " ".join((*items.get("template", ()), *items.get("file", ()))))
        for name, items in sorted(configured.items())
        if name not in known and name not in queued and items.get("template") != (CATALOG,)
    ]
