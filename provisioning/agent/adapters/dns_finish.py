"""Bring Knot up to the rows: what follows the commit of a batch of zones, every step of it such as may be done twice.

Files are read by Knot's own checker before they take their places, so a zone that Knot would not serve stands alone:
the others go on, and the last good one of its name keeps serving. Where no more than a few zones are edited their files
take their places at once, and the old ones come back if Knot refuses: the checker would take longer than all the rest.
The old ones are kept under a name until then, since a Knot that starts with a bad file does not serve the zone at all.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from provisioning.agent.adapters import dns_rows
from provisioning.agent.adapters.commands import CommandFailed
from provisioning.agent.adapters.contract import Late, Verdict
from provisioning.agent.adapters.dns_check import check
from provisioning.agent.adapters.dns_config import ZONES
from provisioning.agent.adapters.dns_knot import Knot, Served
from provisioning.agent.adapters.dns_render import records, soa_data, soa_ttl, zone_file
from provisioning.agent.adapters.dns_rows import QUEUED, REFUSED, SERVED, Queued, Row, after
from provisioning.agent.adapters.knot_control import KnotError
from provisioning.agent.files import FixedRoot
from provisioning.agent.points import reach
from provisioning.agent.store import Store, Transaction

LOCK_PATH = Path("/run/cis-dns.lock")
FEW = 20
_FOREIGN = "duplicate entry: the zone is configured in Knot, not by the panel"


def run(store: Store) -> list[Late]:
    """Do all that is queued; return what went wrong. What failed for now stays queued."""
    if not dns_rows.pending(Transaction(store.connection)):
        return []
    with alone():
        queued = dns_rows.pending(Transaction(store.connection))
        if not queued:
            return []
        try:
            with Knot.reached() as knot:
                return _Finishing(store, knot, queued).run()
        except (KnotError, CommandFailed) as error:
            return [Late(one.key, one.batch, Verdict("failed", "knot", str(error))) for one in queued]


class _Finishing:
    """One errand to Knot, for all that is queued."""

    def __init__(self, store: Store, knot: Knot, queued: Sequence[Queued]) -> None:
        self._store = store
        self._knot = knot
        self._queued = queued
        self._last = {one.id: one for one in queued}
        self._files = FixedRoot(Path(ZONES))
        self._verdicts: dict[str, Verdict] = {}
        rows = dns_rows.rows(Transaction(store.connection), self._last)
        self._rows = {row.id: row for row in rows}

    def run(self) -> list[Late]:
        puts = list(self._rows.values())
        had = self._knot.configured({one.name for one in self._last.values()})
        puts = self._without_foreign(puts, had)
        new = [row for row in puts if had.get(row.name, {}).get("file") != (row.file,)]
        self._keep_serials(had)
        puts = self._put_files(puts, new)
        self._configure(puts, had)
        self._load(puts, had)
        served = self._serve(self._good(puts))
        reach("reload")
        self._purge()
        return self._settle(served)

    def _good(self, rows: Iterable[Row]) -> list[Row]:
        return [row for row in rows if row.id not in self._verdicts]

    def _without_foreign(self, puts: Sequence[Row], had: Mapping[str, Mapping[str, tuple[str, ...]]]) -> list[Row]:
        ours = {row.file for row in puts} | {dns_rows.file_of(one.id) for one in self._queued}
        files = {row.name: had.get(row.name, {}).get("file", ("",))[0] for row in puts if row.name in had}
        past = dns_rows.past_names(
            Transaction(self._store.connection), [file.removesuffix(".zone") for file in files.values()]
        )
        ours |= {dns_rows.file_of(id_) for id_ in past}
        for row in puts:
            if row.name in files and files[row.name] not in ours:
                self._verdicts[row.id] = Verdict("refused", "foreign", _FOREIGN)
        return self._good(puts)

    def _keep_serials(self, had: Mapping[str, Mapping[str, tuple[str, ...]]]) -> None:
        """Note, before they go, which serials the removed zones came to."""
        gone = {one.name: one.id for one in self._last.values() if one.what != "put" and one.name in had}
        if gone:
            serials = self._knot.serials(gone)
            with self._store.write_lightly() as tx:
                dns_rows.note_past(tx, ((gone[name], serial) for name, serial in serials.items()))

    def _put_files(self, puts: Sequence[Row], new: Sequence[Row]) -> list[Row]:
        """Write the files that are not yet as they should be, those that the checker takes."""
        changed = {}
        for row in puts:
            content = None if row.updates else self._content(row)
            if content is not None and (self._last[row.id].repair or self._files.read(row.file) != content):
                changed[row.id] = content
        if len(changed) > FEW or any(row.id in changed for row in new):
            self._check(changed)
        else:
            for id_ in changed:
                self._files.keep(self._rows[id_].file, _kept(id_))
        self._files.write_all({self._rows[id_].file: changed[id_] for id_ in changed if id_ not in self._verdicts})
        return self._good(puts)

    def _content(self, row: Row) -> bytes | None:
        try:
            return zone_file(row)
        except (ValueError, KeyError, TypeError) as error:
            self._verdicts[row.id] = Verdict("refused", "zone_refused", f"the row is no zone: {type(error).__name__}")
            return None

    def _check(self, contents: Mapping[str, bytes]) -> None:
        """Have Knot's checker read these contents, by id; refuse what it would not serve, in its words."""
        words = check({self._rows[id_].name: content for id_, content in contents.items()})
        for id_ in contents:
            if self._rows[id_].name in words:
                self._verdicts[id_] = Verdict("refused", "zone_refused", words[self._rows[id_].name])

    def _configure(self, puts: Sequence[Row], had: Mapping[str, Mapping[str, tuple[str, ...]]]) -> None:
        wanted = {row.name: self._knot.items_of(row) for row in puts}
        gone = [
            one.name
            for one in self._last.values()
            if one.what != "put"
            and one.name not in wanted
            and had.get(one.name, {}).get("file") == (dns_rows.file_of(one.id),)
        ]
        tx = Transaction(self._store.connection)
        secrets, unused = dns_rows.secrets(tx), dns_rows.unused_keys(tx)
        keys = {row.updates: secrets.get(row.updates, "") for row in puts if row.updates}
        self._knot.configure(had, wanted, gone, keys, unused)
        if unused:
            with self._store.write_lightly() as tx:
                dns_rows.forget_keys(tx, unused)

    def _load(self, puts: Sequence[Row], had: Collection[str]) -> None:
        """Have Knot read what changed: few one after the other, each with its verdict; many side by side."""
        edited = {row.name: row for row in puts if row.name in had and not row.updates}
        fresh = [row.name for row in puts if row.name not in had]
        failed: dict[str, str] = {}
        if len(edited) <= FEW:
            failed = self._knot.reload(edited, wait=True)
        else:
            before = self._knot.serials(edited)
            self._knot.reload(edited, wait=False)
            self._knot.wait_until_loaded(edited)
            now = self._knot.serials(edited)
            failed = self._knot.reload([name for name in edited if now.get(name) == before.get(name)], wait=True)
        self._knot.wait_until_loaded(fresh)
        for name, words in failed.items():
            self._refuse_edited(edited[name], words)
        for name in edited.keys() - failed.keys():
            self._files.remove(_kept(edited[name].id))

    def _refuse_edited(self, row: Row, words: str) -> None:
        """Put the file back that was there before, and tell why the new one cannot be."""
        told = check({row.name: self._content(row) or b""}).get(row.name)
        verdict = Verdict("refused", "zone_refused", told) if told else Verdict("failed", "knot", words)
        self._verdicts[row.id] = verdict
        if told and self._files.put_back(_kept(row.id), row.file):
            self._knot.reload([row.name], wait=True)

    def _serve(self, puts: Sequence[Row]) -> dict[str, Served]:
        """Give zones of updates their first content, lift serials above their floors; read what is served then."""
        for row in puts:
            if row.updates and not self._knot.read(row.name, "@", "SOA"):
                self._first_content(row)
        served = self._knot.served(row.name for row in puts)
        low = [
            row for row in puts if row.floor and row.name in served and not after(served[row.name].serial, row.floor)
        ]
        for row in low:
            self._lift(row)
        served |= self._knot.served(row.name for row in low)
        for row in puts:
            if row.name not in served and row.id not in self._verdicts:
                self._verdicts[row.id] = Verdict("failed", "not_loaded", "Knot has not loaded the zone")
        return served

    def _first_content(self, row: Row) -> None:
        start_ = [("@", soa_ttl(row), "SOA", soa_data(row, row.first))]
        try:
            self._knot.write(row.name, [], [*start_, *records(row)])
        except KnotError as error:
            self._verdicts[row.id] = Verdict("refused", "zone_refused", str(error))

    def _lift(self, row: Row) -> None:
        serial = dns_rows.first_serial(row.first, row.floor)
        try:
            self._knot.write(row.name, [("@", "SOA")], [("@", soa_ttl(row), "SOA", soa_data(row, serial))])
        except KnotError as error:
            self._verdicts[row.id] = Verdict("failed", "serial", str(error))

    def _purge(self) -> None:
        purged = [one for one in self._last.values() if one.what == "purge"]
        names = dns_rows.holders(Transaction(self._store.connection), {one.name for one in purged})
        failed = self._knot.purge({one.name for one in purged} - names.keys())
        for one in purged:
            if one.name in failed:
                self._verdicts[one.id] = Verdict("failed", "data_left", failed[one.name])
            for file in (dns_rows.file_of(one.id), _kept(one.id)):
                self._files.remove(file)

    def _settle(self, served: Mapping[str, Served]) -> list[Late]:
        """Note what came of it, and take from the queue what is done with, refused for good included."""
        states = {"refused": REFUSED, "failed": QUEUED}
        told = []
        for row in self._rows.values():
            verdict, found = self._verdicts.get(row.id), served.get(row.name)
            state = states[verdict.outcome] if verdict else SERVED
            seen = (found.serial, found.digest) if found and not verdict else (None, None)
            told.append((row.id, row.generation, state, *seen))
        left = [id_ for id_, verdict in self._verdicts.items() if verdict.outcome == "failed"]
        with self._store.write_lightly() as tx:
            dns_rows.note(tx, told)
            dns_rows.clear(tx, self._queued[-1].seq, left)
        return [Late(one.key, one.batch, self._verdicts[one.id]) for one in self._queued if one.id in self._verdicts]


def _kept(id_: str) -> str:
    return f"{id_}.last"


@contextmanager
def alone() -> Iterator[None]:
    """Keep two agents from changing Knot at the same time: an older zone must not overwrite a newer one."""
    handle = os.open(LOCK_PATH, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
