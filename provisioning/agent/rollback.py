"""Put a batch back on the node itself, without the panel and against it.

All or nothing: rows, tombstones and what follows them in one transaction, by the adapter's own way in. What was put
back is held: the panel finds that the node differs, and changes it again only where a person said so (`repair`) or
wants what is there now.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from provisioning.agent import undo
from provisioning.agent.adapters.commands import CommandFailed
from provisioning.agent.adapters.contract import Adapter, Late, Verdict
from provisioning.agent.engine import correct, words_of
from provisioning.agent.oplog import OperationLog
from provisioning.agent.store import Store, Transaction
from provisioning.agent.undo import Image, Kept
from provisioning.resources import FIELDS, Gone, InvalidResource, Item, Resource

_SECRET = "password_hash"  # noqa: S105  # the name of a field


class CannotRollBack(Exception):
    """Nothing was changed; the text says why, for the administrator."""


@dataclass(frozen=True, slots=True)
class Step:
    """One resource: as it is ``now``, and what it was ``before`` the batch; None where there was or is none."""

    image: Image
    now: Resource | None
    before: Resource | None

    @property
    def item(self) -> Item:
        """Return what makes it so."""
        if self.before is not None:
            return self.before  # type: ignore[return-value]  # KINDS holds the members of Item only
        generation = self.now.generation if self.now is not None else 1
        return Gone(kind=self.image.kind, id=self.image.id, generation=generation)

    def __str__(self) -> str:
        name = getattr(self.before or self.now, FIELDS[self.image.kind][0], self.image.id)
        return f"{self.image.kind} {name}: {self._difference()}"

    def _difference(self) -> str:
        if self.now is None or self.before is None:
            return "comes back" if self.now is None else "goes, it was created by this batch"
        now, before = self.now.plain(), self.before.plain()
        changed = [name for name in FIELDS[self.image.kind] if now[name] != before[name]]
        return ", ".join(self._of_field(name, now[name], before[name]) for name in changed) or "only its generation"

    @staticmethod
    def _of_field(name: str, now: Any, before: Any) -> str:
        if name == _SECRET:
            return "the password before"
        if isinstance(now, list) and isinstance(before, list):
            gone, back = ([one for one in some if one not in others] for some, others in ((now, before), (before, now)))
            return " ".join([f"{name}:", *(f"-{_short(one)}" for one in gone), *(f"+{_short(one)}" for one in back)])
        return f"{name} {now} → {before}"


@dataclass(frozen=True, slots=True)
class Undoing:
    """What undoing a batch comes to. ``purged`` counts what it deleted for good: that does not come back."""

    kept: Kept
    steps: tuple[Step, ...]
    purged: int


class Rollback:
    """Undoes batches."""

    def __init__(self, store: Store, adapter: Adapter, log: OperationLog) -> None:
        self._store = store
        self._adapter = adapter
        self._log = log

    def prepare(self, name: str = "") -> Undoing:
        """Tell what undoing a batch would change: the one whose id begins with ``name``, or the newest that stands.

        Raises CannotRollBack.
        """
        with self._store.read() as tx:
            return self._prepare(tx, _choose(tx, name))

    def do(self, undoing: Undoing) -> list[Late]:
        """Do what was shown; return what failed outside the store, which stays queued. Raises CannotRollBack."""
        name = f"rollback-{uuid.uuid4()}"
        try:
            with self._store.write() as tx:
                self._do(tx, name, undoing)
        except (sqlite3.Error, OSError, CommandFailed) as error:
            raise CannotRollBack(words_of(error)) from error
        try:
            return self._adapter.finish()
        except (sqlite3.Error, OSError) as error:
            verdict = Verdict("failed", "unfinished", words_of(error))
            return [Late(step.image.key, name, verdict) for step in undoing.steps]

    def _do(self, tx: Transaction, name: str, undoing: Undoing) -> None:
        if self._prepare(tx, _choose(tx, undoing.kept.batch)) != undoing:
            raise CannotRollBack("the node changed meanwhile: look at it again")
        self._restore(tx, name, undoing)
        _mark(tx, name, undoing)
        self._log.write("rollback", batch=undoing.kept.batch, by=name, restored=len(undoing.steps))

    def _prepare(self, tx: Transaction, kept: Kept) -> Undoing:
        images = undo.read(tx, kept.batch)
        keys = [image.key for image in images]
        later = undo.changed_since(tx, kept.batch, set(keys))
        if later:
            batches = ", ".join(sorted(set(later.values()))[:5])
            raise CannotRollBack(f"later batches changed {len(later)} of its resources, undo these first: {batches}")
        now = self._adapter.current(tx, keys)
        steps = [Step(image, now.get(image.key), _before(image)) for image in images if image.verb != "purged"]
        purged = sum(image.verb == "purged" for image in images)
        return Undoing(kept, tuple(step for step in steps if step.now != step.before), purged)

    def _restore(self, tx: Transaction, name: str, undoing: Undoing) -> None:
        items = [step.item for step in undoing.steps]
        keys = [step.image.key for step in undoing.steps]
        had, tombstones = self._adapter.current(tx, keys), tx.tombstones(keys)
        staged = self._adapter.stage(tx, name, items, had, repair=True)
        if staged.refused:
            (kind, id_), verdict = next(iter(staged.refused.items()))
            raise CannotRollBack(f"{kind} {id_} cannot be what it was: {verdict.message}")
        undo.keep(tx, name, undo.images_of(items, had, tombstones), undoes=undoing.kept.batch)
        tx.unbury(keys)
        tx.bury(_graves(undoing.steps))


def _short(one: Any) -> str:
    return f"{one[0]}/{one[1]}" if isinstance(one, list) else str(one)


def _choose(tx: Transaction, name: str) -> Kept:
    found = undo.find(tx, name) if name else [kept for kept in (undo.newest(tx),) if kept]
    if not found:
        raise CannotRollBack(f"no batch {name} is kept here" if name else "no batch is kept here that could be undone")
    exact = [kept for kept in found if kept.batch == name] or found
    if len(exact) > 1:
        raise CannotRollBack(f"{len(exact)} batches begin with {name}: give more of the id")
    if exact[0].undone_by:
        raise CannotRollBack(f"{exact[0].undone_by} has undone it already")
    return exact[0]


def _before(image: Image) -> Resource | None:
    try:
        return image.resource()
    except InvalidResource as error:
        raise CannotRollBack(f"{image.kind} {image.id} was broken before this batch: {error}") from error


def _graves(steps: Iterable[Step]) -> Iterable[tuple[str, str, int, bool]]:
    for step in steps:
        if step.image.tombstone is not None:
            yield (*step.image.key, *step.image.tombstone)


def _mark(tx: Transaction, name: str, undoing: Undoing) -> None:
    """Note who undid what, and hold it; what a rollback had undone stands again and is held no more."""
    keys = [step.image.key for step in undoing.steps]
    undo.mark(tx, undoing.kept.batch, undone_by=name)
    if undoing.kept.undoes is not None:
        undo.mark(tx, undoing.kept.undoes, undone_by=None)
        tx.release(keys)
        return
    tx.hold(keys, name)
    verdict = Verdict("refused", "rolled_back", f"{name} put it back on this node")
    correct(tx, [Late(key, undoing.kept.batch, verdict) for key in keys])
