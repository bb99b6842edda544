"""What programs changed in a zone by themselves (RFC 2136), change by change, as Knot's journal has it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from provisioning.agent.adapters.commands import run
from provisioning.agent.adapters.dns_config import DATABASES
from provisioning.agent.adapters.dns_knot import SIGNING, Knot
from provisioning.agent.adapters.dns_reading import relative, sets

CHANGES_MAX = 500
"""So many of the newest changes are read; who asks less often learns only what there is now."""
_HEAD = re.compile(r";; Changes between zone versions: (\d+) -> (\d+)")


def changes(knot: Knot, name: str, since: int | None) -> dict[str, Any] | None:
    """Tell what a zone holds, as `sets` does, and ``changes`` since a serial; None where it is not loaded.

    Each change is ``{serial, removed, added}`` with records ``[name, type, ttl, value]``, oldest first, signatures
    left out; ``changes`` is None where the journal does not go back so far. Raises CommandFailed, KnotError.
    """
    found = sets(knot, name)
    if found is None or found["serial"] == since:
        return found and {**found, "changes": []}
    return {**found, "changes": None if since is None else _since(name, since)}


def _since(name: str, since: int) -> list[dict[str, Any]] | None:
    argv = ["kjournalprint", "-D", f"{DATABASES}/journal", "-x", "-l", str(CHANGES_MAX), name]
    every = list(read_journal(run(argv).decode(errors="replace").splitlines(), name))
    for place, (before, _) in enumerate(every):
        if before == since:
            return [change for _, change in every[place:] if change["removed"] or change["added"]]
    return None


def read_journal(lines: Iterable[str], zone: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read what ``kjournalprint`` of Knot 3.2 tells: the serial before each change, and the change."""
    change: dict[str, Any] | None = None
    before, side = 0, "added"
    for line in lines:
        if line.startswith(";;"):
            head = _HEAD.match(line)
            if (head or line.startswith(";; Zone-in-journal")) and change is not None:
                yield before, change
                change = None
            if head:
                before, change = int(head[1]), {"serial": int(head[2]), "removed": [], "added": []}
            side = {";; Removed": "removed", ";; Added": "added"}.get(line.strip(), side)
        elif change is not None and line.strip():
            owner, ttl, type_, data = line.split(None, 3)
            if type_ not in SIGNING and type_ != "SOA":
                change[side].append([relative(owner, zone), type_, int(ttl), data])
    if change is not None:
        yield before, change
