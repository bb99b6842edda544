"""Answer requests of the panel: the rules that hold for every kind, around the adapters.

A batch is one transaction: fence, generations and bounds are checked inside it. What an adapter has to do outside
the store follows the commit and is queued in it, so that an agent that dies in between resumes.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from provisioning.agent import bounds, diagnose, undo
from provisioning.agent.adapters.commands import CommandFailed
from provisioning.agent.adapters.contract import Adapter, Foreign, Late, Staged, Verdict
from provisioning.agent.backup.operations import Backups
from provisioning.agent.batch import BadRequest, Batch, Decided, decide, outcome, read_batch, read_fence
from provisioning.agent.looking import Looking, Operation
from provisioning.agent.oplog import OperationLog
from provisioning.agent.points import reach
from provisioning.agent.store import Key, StaleFence, Store, StoreBusy, Transaction
from provisioning.resources import Gone, InvalidResource, Item, Resource
from provisioning.wire import PROTOCOL, PROTOCOLS


class Engine:
    """The agent without its streams. ``handle`` never raises: every request gets a reply."""

    def __init__(
        self, store: Store, adapter: Adapter, log: OperationLog, *, more: Mapping[str, Operation] = MappingProxyType({})
    ) -> None:
        self._store = store
        self._adapter = adapter
        self._log = log
        self._facts: dict[str, Any] | None = None
        self._operations: dict[str, Operation] = {
            "hello": self._hello,
            "apply": self._apply,
            "outcomes": self._outcomes,
            "watch": self._watch,
            "drop": self._drop,
            **Looking(store, adapter).operations(),
            **Backups(store, log).operations(),
            **more,
        }

    def handle(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one request. An error's text never holds values of the request: they may be secrets."""
        try:
            return {"ok": True, **self._do(request)}
        except bounds.OverBounds as error:
            with suppress(OSError):
                self._log.write("over_bounds", batch=request.get("batch"), why=str(error))
            return {**_error("guard", str(error)), "what": error.what}
        except StaleFence as error:
            return _error("stale_fence", str(error))
        except (BadRequest, InvalidResource) as error:
            return _error("bad_request", str(error))
        except StoreBusy:
            return _error("busy", "another process holds the store")
        except Exception as error:  # noqa: BLE001  # one bad request must not end the session of all others
            return _error("internal", words_of(error))

    def resume(self) -> None:
        """Do what an agent that died left undone; what fails stays queued for the next batch."""
        with suppress(sqlite3.Error, OSError, StoreBusy):
            late = self._adapter.finish()
            if late:
                with self._store.write() as tx:
                    correct(tx, late)

    def prepare(self) -> None:
        """Get ready for the next request, after a reply was sent."""
        self._adapter.prepare()

    def _do(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name = request.get("op")
        if not isinstance(name, str) or name not in self._operations:
            raise BadRequest("op")
        try:
            return self._operations[name](request)
        except sqlite3.OperationalError:
            # Perhaps a row holds what is no text. Whatever it was, nothing was committed, or it is answered from there.
            if not self._store.take_any_text():
                raise
            return self._operations[name](request)

    def _hello(self, request: Mapping[str, Any]) -> dict[str, Any]:
        spoken = request.get("protocols", [PROTOCOL])
        common = [version for version in PROTOCOLS if isinstance(spoken, list) and version in spoken]
        if not common:
            return {**_error("protocol", "none in common"), "protocols": list(PROTOCOLS)}
        self._facts = self._facts or diagnose.facts()
        own = {"kinds": sorted(self._adapter.kinds), "fence": self._store.fence()}
        return {"protocol": common[-1], **self._facts, **own}

    def _apply(self, request: Mapping[str, Any]) -> dict[str, Any]:
        batch = read_batch(request)
        with self._store.write() as tx:
            tx.raise_fence(batch.fence)
            replayed = tx.outcomes_of(batch.id) is not None
            if not replayed:
                outcomes = self._stage(tx, batch)
                tx.keep_outcomes(batch.id, outcomes)
                # Before the commit: nothing comes to be on a node whose own log cannot be written.
                self._tell(batch, outcomes)
        reach("commit")
        outcomes = self._finish(batch.id)
        reach("report")
        return {"batch": batch.id, "outcomes": outcomes, "replayed": replayed}

    def _tell(self, batch: Batch, outcomes: Sequence[Mapping[str, Any]]) -> None:
        counts = Counter(result["outcome"] for result in outcomes)
        facts = {"repair": True} if batch.repair else {}
        self._log.write("batch", batch=batch.id, fence=batch.fence, approved=batch.approved, **facts, **counts)

    def _stage(self, tx: Transaction, batch: Batch) -> list[dict[str, Any]]:
        strange = self._strange(batch)
        items = [item for item in batch.items if (item.kind, item.id) not in strange] if strange else batch.items
        keys = [(item.kind, item.id) for item in items]
        had = self._adapter.current(tx, keys)
        tombstones, held = tx.tombstones(keys), tx.held(keys)
        reach("stage")
        decided = decide(items, had, tombstones, held, repair=batch.repair)
        staged = self._adapter.stage(tx, batch.id, decided.changes, had, repair=batch.repair)
        self._keep_within_bounds(tx, batch, decided, staged, had)
        done = [item for item in decided.changes if (item.kind, item.id) not in staged.refused]
        undo.keep(tx, batch.id, undo.images_of(done, had, tombstones))
        _bury(tx, done, tombstones)
        tx.release(held.keys() - decided.refused.keys() - staged.refused.keys())
        if batch.watch is not None:
            self._adapter.watch(tx, batch.watch)
        reach("validate")
        refused = decided.refused | staged.refused | strange
        results = (
            outcome(item, decided.settled.get(key, "applied"), refused.get(key))
            for item in batch.items
            for key in ((item.kind, item.id),)
        )
        return [*results, *batch.unreadable]

    def _strange(self, batch: Batch) -> dict[Key, Verdict]:
        """Find the items of kinds that no role of this node takes."""
        taken = self._adapter.kinds
        words = f"this node takes {', '.join(sorted(taken)) or 'nothing of the kind'}"
        return {
            (item.kind, item.id): Verdict("refused", "wrong_role", words)
            for item in batch.items
            if item.kind not in taken
        }

    def _keep_within_bounds(
        self, tx: Transaction, batch: Batch, decided: Decided, staged: Staged, had: Mapping[Key, Resource]
    ) -> None:
        if batch.approved:
            return
        gone = [
            item for item in decided.changes if isinstance(item, Gone) and (item.kind, item.id) not in staged.refused
        ]
        removed = Counter(item.kind for item in gone if (item.kind, item.id) in had)
        bounds.require_within_bounds(tx, removed, staged.paces, lambda kind: self._adapter.count(tx, kind))
        bounds.note(tx, removed, staged.paces)

    def _finish(self, batch: str) -> list[dict[str, Any]]:
        """Do what follows the commit; return the outcomes with what went wrong then."""
        outcomes = self._store.outcomes_of(batch) or []
        try:
            late = self._adapter.finish()
            if late:
                self._log.write("late", batch=batch, failed=len(late))
                with self._store.write() as tx:
                    outcomes = _overlay(outcomes, late)
                    correct(tx, late)
                    tx.keep_outcomes(batch, outcomes)
        except (sqlite3.Error, OSError) as error:
            # The rows are there and the rest is queued. Whoever asks next, by batch or with another one, has it done.
            return [_unfinished(one, error) for one in outcomes]
        return outcomes

    def _outcomes(self, request: Mapping[str, Any]) -> dict[str, Any]:
        batch = request.get("batch")
        if not isinstance(batch, str):
            raise BadRequest("batch")
        known = self._store.outcomes_of(batch) is not None
        return {"known": known, "outcomes": self._finish(batch) if known else []}

    def _watch(self, request: Mapping[str, Any]) -> dict[str, Any]:
        watch = request.get("watch")
        if not isinstance(watch, dict):
            raise BadRequest("watch")
        with self._store.write() as tx:
            tx.raise_fence(read_fence(request))
            self._adapter.watch(tx, watch)
        return {}

    def _drop(self, request: Mapping[str, Any]) -> dict[str, Any]:
        named = _foreign(request.get("foreign"))
        with self._store.write() as tx:
            tx.raise_fence(read_fence(request))
            bounds.require_few_dropped(tx, len(named))
        return {"dropped": [row._asdict() for row in self._adapter.drop(named, self._tell_dropped)]}

    def _tell_dropped(self, rows: Sequence[Foreign]) -> None:
        # The only place where they are kept: whoever gave them up by mistake finds them here.
        self._log.write("drop", dropped=[row._asdict() for row in rows])


def _foreign(named: object) -> list[tuple[str, str]]:
    """Read the rows that a `drop` names. Raises BadRequest."""
    if not isinstance(named, list) or not all(isinstance(one, dict) for one in named):
        raise BadRequest("foreign")
    pairs = [(one.get("map"), one.get("key")) for one in named]
    if not all(isinstance(part, str) for pair in pairs for part in pair):
        raise BadRequest("foreign")
    return pairs


def _bury(tx: Transaction, done: Sequence[Item], known: Collection[Key]) -> None:
    tx.bury((item.kind, item.id, item.generation, item.purge) for item in done if isinstance(item, Gone))
    tx.unbury(key for item in done if (key := (item.kind, item.id)) in known and not isinstance(item, Gone))


def correct(tx: Transaction, late: Sequence[Late]) -> None:
    """Write late verdicts into the answers of the batches they belong to."""
    for batch in {entry.batch for entry in late}:
        outcomes = tx.outcomes_of(batch)
        if outcomes is not None:
            tx.keep_outcomes(batch, _overlay(outcomes, [entry for entry in late if entry.batch == batch]))


def _overlay(outcomes: Sequence[dict[str, Any]], late: Sequence[Late]) -> list[dict[str, Any]]:
    verdicts = {entry.key: entry.verdict for entry in late}
    result = []
    for one in outcomes:
        verdict = verdicts.get((one["kind"], one["id"]))
        served = one["outcome"] in {"applied", "unchanged"}
        told = (
            {"outcome": verdict.outcome, "code": verdict.code, "message": verdict.message} if verdict and served else {}
        )
        result.append({**one, **told})
    return result


def _unfinished(one: dict[str, Any], error: Exception) -> dict[str, Any]:
    served = one["outcome"] in {"applied", "unchanged"}
    return {**one, **({"outcome": "failed", "code": "unfinished", "message": words_of(error)} if served else {})}


def words_of(error: Exception) -> str:
    """Tell what happened without values of the request, which may be secrets."""
    if isinstance(error, CommandFailed):
        return error.words
    if isinstance(error, sqlite3.Error):
        return str(getattr(error, "sqlite_errorname", type(error).__name__))
    return (isinstance(error, OSError) and error.strerror) or type(error).__name__


def _error(code: str, message: str) -> dict[str, Any]:
    return {"ok": False, "error": code, "message": message}
