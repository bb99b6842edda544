"""`cis-node` for the node's administrator: verify, batches, rollback. Works on the node alone, without the panel."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from provisioning.agent import placed, roles, undo
from provisioning.agent.adapters.commands import CommandFailed
from provisioning.agent.base import account, program
from provisioning.agent.oplog import OperationLog
from provisioning.agent.rollback import CannotRollBack, Rollback, Undoing
from provisioning.agent.store import Store, StoreBusy, Transaction

WELL, NOT_WELL, USAGE, NOTHING_DONE = range(4)
USAGES = ("verify", "batches [--all]", "rollback [BATCH] [--yes]")
_SHOWN = 50
_LISTED = 20
_TOLD = 5


class MistakenUsage(Exception):
    """The command does not know these arguments."""


def verify(arguments: Sequence[str]) -> int:
    """Compare what the store holds with what the services read, and all files with what set-up wrote; print it.

    Ends with 0 if all is in order, 1 if anything is not.
    """
    _read(arguments)
    store = _open()
    try:
        report = roles.verify(store)
    except CommandFailed as error:
        report = {"differing": 1, "failed": error.words}
    report["files"] = [path for path, as_written in _files(store).items() if not as_written]
    tx = Transaction(store.connection)
    report["held"] = tx.count_held()
    report["batches"] = [_told(kept) for kept in undo.listed(tx, _TOLD)]
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return NOT_WELL if report["differing"] or report["files"] else WELL


def batches(arguments: Sequence[str]) -> int:
    """List what the panel changed on this node, newest first: the last twenty, or with ``--all`` all; return 0."""
    _, flags = _read(arguments, flags={"--all"})
    with _open().read() as tx:
        for kept in undo.listed(tx, -1 if flags else _LISTED):
            told = _told(kept)
            state = f"undone by {kept.undone_by}" if kept.undone_by else f"undid {kept.undoes}" if kept.undoes else ""
            counts = ", ".join(f"{number} {what}" for what, number in kept.counts.items())
            sys.stdout.write(f"{told['at']}  {kept.batch}  {counts}  {state}".rstrip() + "\n")
    return WELL


def rollback(arguments: Sequence[str]) -> int:
    """Undo the batch whose id begins as told, or the newest; ``--yes`` asks for no confirmation.

    Returns 0, 1 if a service could not follow yet, 3 if nothing was changed.
    """
    names, flags = _read(arguments, names=1, flags={"--yes"})
    store = _open()
    undoing = Rollback(store, roles.adapter_of(store), OperationLog())
    try:
        prepared = undoing.prepare(*names)
        _show(prepared)
        if not prepared.steps or not (flags or _confirmed()):
            sys.stderr.write("Nothing was changed.\n")
            return NOTHING_DONE
        late = undoing.do(prepared)
    except (CannotRollBack, StoreBusy) as error:
        words = "another process holds the store" if isinstance(error, StoreBusy) else str(error)
        sys.stderr.write(f"{words}. Nothing was changed.\n")
        return NOTHING_DONE
    for entry in late:
        sys.stderr.write(f"{entry.key[0]} {entry.key[1]}: {entry.verdict.message}; it is tried again\n")
    sys.stdout.write(f"{len(prepared.steps)} put back. The panel changes them again only after a person's decision.\n")
    return NOT_WELL if late else WELL


def _show(undoing: Undoing) -> None:
    at = datetime.fromtimestamp(undoing.kept.at, UTC).isoformat(sep=" ")
    sys.stdout.write(f"Batch {undoing.kept.batch} of {at}:\n")
    for step in undoing.steps[:_SHOWN]:
        sys.stdout.write(f"  {step}\n")
    if len(undoing.steps) > _SHOWN:
        sys.stdout.write(f"  and {len(undoing.steps) - _SHOWN} more\n")
    if undoing.purged:
        sys.stdout.write(f"  {undoing.purged} were deleted for good with their data: they do not come back\n")
    if not undoing.steps:
        sys.stdout.write("  everything that can be is as it was before\n")


def _confirmed() -> bool:
    sys.stdout.write("Put this back? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _told(kept: undo.Kept) -> dict[str, Any]:
    at = datetime.fromtimestamp(kept.at, UTC).isoformat()
    return {"at": at, "batch": kept.batch, "counts": kept.counts, "undone": kept.undone_by is not None}


def _files(store: Store) -> dict[str, bool]:
    return placed.look([*roles.adapter_of(store).files(), *account.files(), *program.files()])


def _open() -> Store:
    store = roles.open_store()
    store.take_any_text()
    return store


def _read(arguments: Sequence[str], *, names: int = 0, flags: Collection[str] = ()) -> tuple[list[str], list[str]]:
    """Part the arguments into names and flags, known and not too many. Raises MistakenUsage.

    By hand, since argparse would make every start of the agent slower.
    """
    given = [argument for argument in arguments if argument.startswith("-")]
    others = [argument for argument in arguments if not argument.startswith("-")]
    if len(others) > names or not set(given) <= set(flags):
        raise MistakenUsage
    return others, given
