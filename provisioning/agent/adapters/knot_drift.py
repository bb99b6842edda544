"""Whether Knot's base configuration is still as set-up made it: what its database holds now, against what was noted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from provisioning.agent.adapters import knot_base
from provisioning.agent.adapters.knot_base import Setting
from provisioning.agent.adapters.knot_control import KnotError, connected
from provisioning.agent.placed import ConfigFile
from provisioning.agent.store import Transaction

FACT = "knot_settings"
_MODE = 0o644
_NAMES = {"id", "domain", "target"}


def note_settings(tx: Transaction, wanted: Iterable[Setting]) -> None:
    """Note what was set up; of the key only a digest."""
    tx.note_fact(FACT, json.dumps([[row.section, row.id, row.item, _told(row)] for row in wanted]))


def files(tx: Transaction) -> list[ConfigFile]:
    """Name what Knot is started with, which stands for its database too; nothing where set-up noted nothing yet."""
    noted = tx.fact(FACT)
    if not noted:
        return []
    wanted = [Setting(section, id_, item, tuple(values)) for section, id_, item, values in json.loads(noted)]
    start = knot_base.start_text().encode()
    return [ConfigFile(knot_base.START, _MODE, lambda content: content == start and _holds(wanted))]


def _holds(wanted: Iterable[Setting]) -> bool:
    """Tell whether the running server is configured so, with nothing beside it in what is set-up's."""
    rows = {row[:3]: row.values for row in wanted}
    ours = {key[:2] for key in rows}
    try:
        with connected() as knot:
            had = knot_base.present(knot, [Setting(*key, values) for key, values in rows.items()])
    except KnotError:
        return True  # whether it answers is told elsewhere
    there = {key: tuple(_told(Setting(*key, values))) for key, values in had.items() if key[:2] in ours}
    return _said(there) == _said(rows)


def _said(rows: Mapping[tuple[str, str, str], tuple[str, ...]]) -> dict[tuple[str, str, str], tuple[str, ...]]:
    """Leave out names, and what is empty, which Knot tells or not."""
    return {key: values for key, values in rows.items() if key[2] not in _NAMES and values != ("",)}


def _told(row: Setting) -> list[str]:
    secret = row.section == "key" and row.item == "secret"
    return [hashlib.sha256(value.encode()).hexdigest() if secret else value for value in row.values]
