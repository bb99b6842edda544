"""Mailboxes, aliases and mail domains in Postfix and Dovecot.

Dovecot reads the mailboxes from the agent's own file, at once; Postfix reads LMDB maps that postmap changes after the
commit. No daemon is ever reloaded.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from provisioning.agent.adapters import (
    mail_config,
    mail_daemons,
    mail_entries,
    mail_queue,
    mail_rows,
    mail_survey,
    mail_todo,
    mail_use,
    mail_watch,
)
from provisioning.agent.adapters.contract import Foreign, Inspected, Late, Staged
from provisioning.agent.adapters.mail_config import MAIL_ROOT, MAPS
from provisioning.agent.adapters.mail_foreign import ForeignEntries
from provisioning.agent.adapters.mail_maps import PostfixMaps
from provisioning.agent.adapters.mail_stage import Staging
from provisioning.agent.adapters.mail_todo import TodoRunner, alone
from provisioning.agent.base import sender_check
from provisioning.agent.files import FixedRoot
from provisioning.agent.placed import ConfigFile
from provisioning.agent.store import Key, Store, Transaction
from provisioning.resources import Item, Resource

KINDS = frozenset(mail_rows.KINDS)
_MAP_OF_KIND = {"mail_domain": "domains", "mailbox": "mailboxes", "alias": "aliases"}
_EXAMPLES = 5


class MailAdapter:
    """See `contract.Adapter`."""

    kinds = KINDS

    def __init__(self, store: Store) -> None:
        self._store = store
        self._maps = PostfixMaps(Path(MAPS))
        if Path(MAPS).is_dir():
            # Maps that came with a later program than the one whose set-up ran here.
            self._maps.make_missing(mail_entries.MAPS)
        self._foreign = ForeignEntries(store, self._maps)
        self._use = mail_use.MailboxUse(store)
        self._todo = TodoRunner(store, self._maps, self._foreign, FixedRoot(Path(MAIL_ROOT)))

    @property
    def measures(self) -> bool:
        """Tell that mailboxes are."""
        return True

    def current(self, tx: Transaction, keys: Iterable[Key]) -> dict[Key, Resource]:
        """Read the rows that the daemons read."""
        return mail_rows.read(tx, keys)

    def count(self, tx: Transaction, kind: str) -> int:
        """Count the rows of a kind."""
        return mail_rows.count(tx, kind)

    def stage(
        self, tx: Transaction, batch: str, changes: Sequence[Item], before: Mapping[Key, Resource], *, repair: bool
    ) -> Staged:
        """Write rows and queue map rows, sign-outs and deletions."""
        return Staging(tx, batch, changes, before, self._foreign, repair=repair).run()

    def finish(self) -> list[Late]:
        """Bring Postfix' maps up to the rows, sign out whom it concerns, delete what was purged."""
        return self._todo.run()

    def prepare(self) -> None:
        """Start the postmaps that a new mailbox and a new password will need."""
        self._maps.make_ready("mailboxes", "senders")

    def watch(self, tx: Transaction, watch: Mapping[str, Any]) -> None:
        """Write the probe's login and tokens. Raises InvalidResource."""
        mail_watch.write_watch(tx, watch)

    def state(self, kind: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Read rows and ask Postfix too: ``served`` tells whether it knows the address. Raises CommandFailed."""
        found = self.current(Transaction(self._store.connection), [(kind, id_) for id_ in ids])
        known = self._maps.look_up(_MAP_OF_KIND[kind], [mail_rows.address_of(item) for item in found.values()])
        return {
            item.id: {
                "generation": item.generation,
                "digest": item.digest(),
                "served": mail_rows.address_of(item) in known,
            }
            for item in found.values()
        }

    def lines(self, tx: Transaction, kind: str) -> Iterator[tuple[Any, ...]]:
        """Read the rows that the daemons read, as they are."""
        return mail_rows.lines(tx, kind)

    def generations(
        self, tx: Transaction, kind: str, shards: Collection[str] | None = None
    ) -> Iterator[tuple[str, Any]]:
        """Read the generations that stand in the rows."""
        return mail_rows.generations(tx, kind, shards)

    def inspect(self, tx: Transaction, kind: str | None = None) -> Inspected:
        """Read Postfix' maps whole and compare them with the rows. Raises CommandFailed."""
        return mail_survey.inspect(tx, self._maps, kind)

    def drop(self, foreign: Collection[tuple[str, str]], tell: Callable[[Sequence[Foreign]], None]) -> list[Foreign]:
        """Delete rows of Postfix' maps that nobody wanted. Raises CommandFailed, InvalidResource."""
        with alone(), self._store.write() as tx:
            found = mail_survey.among(tx, self._maps, foreign)
            tell(found)
            self._todo.delete_foreign(tx, found)
        return found

    def of_own(self, foreign: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
        """Choose those of Postfix' maps."""
        return [pair for pair in foreign if pair[0] in mail_entries.MAPS]

    def files(self) -> list[ConfigFile]:
        """Name Postfix' and Dovecot's files, and those that start the sender check."""
        hostname = Transaction(self._store.connection).fact(mail_config.HOSTNAME)
        return [*mail_config.files(hostname or mail_config.hostname_in_use()), *sender_check.files()]

    def health(self) -> dict[str, Any]:
        """Count what waits in Postfix' queue."""
        folders = [MAIL_ROOT, str(Path(mail_config.DATABASE).parent)]
        return {"folders": folders, "queue": mail_queue.count(), "daemons": mail_daemons.running()}

    def use(self, after: int, *, seconds: float, every: float) -> dict[str, Any]:
        """Read on how much mailboxes hold, by Dovecot's own count. Raises CommandFailed."""
        self._use.look(seconds=seconds, every=every)
        return self._use.told(after)

    def verify(self) -> dict[str, Any]:
        """Compare each of Postfix' maps with the rows, both read whole; look whether both daemons run.

        Raises CommandFailed.
        """
        with self._store.read() as tx:
            found = mail_survey.compare(tx, self._maps, mail_entries.MAPS)
            maps = {name: self._summary(tx, name, one) for name, one in found.items()}
            queued = mail_todo.count(tx)
        daemons = mail_daemons.running()
        differing = sum(part["missing"] + part["foreign"] for part in maps.values())
        differing += queued + list(daemons.values()).count(False)
        return {"differing": differing, "maps": maps, "queued": queued, "daemons": daemons}

    def _summary(self, tx: Transaction, name: str, found: mail_survey.MapDifference) -> dict[str, Any]:
        missing, foreign = sorted(found.unserved), sorted(found.foreign)
        examples = {"missing": missing[:_EXAMPLES], "foreign": foreign[:_EXAMPLES]}
        rows = len(mail_entries.entries(tx, name))
        return {"rows": rows, "missing": len(missing), "foreign": len(foreign), "examples": examples}
