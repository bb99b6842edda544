"""Rows in Postfix' maps that somebody else put there: kept, never overwritten, and told apart cheaply.

After its own changes the agent notes the state of the map's file. While that state stands nobody else has written,
and nothing needs to be read. Otherwise the whole map is read once and compared with the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from provisioning.agent.adapters.mail_entries import entries, queued_for
from provisioning.agent.adapters.mail_maps import PostfixMaps
from provisioning.agent.store import Store, Transaction


class ForeignEntries:
    """What is known of foreign rows."""

    def __init__(self, store: Store, maps: PostfixMaps) -> None:
        self._store = store
        self._maps = maps

    def knows(self, name: str) -> bool:
        """Tell whether nobody but the agent has written to the map since it last looked."""
        row = self._store.connection.execute("SELECT fingerprint FROM map_file WHERE name = ?", (name,)).fetchone()
        return row is not None and row[0] == self._maps.fingerprint(name)

    def remember(self, tx: Transaction, name: str) -> None:
        """Note the state of the map's file as the agent's own doing."""
        state = self._maps.fingerprint(name)
        tx.connection.execute("INSERT OR REPLACE INTO map_file VALUES (?, ?)", (name, state))

    def forget(self, tx: Transaction, name: str, keys: Iterable[str]) -> None:
        """Note that these foreign rows are no more, and the file's state without them."""
        tx.connection.executemany("DELETE FROM foreign_entry WHERE map = ? AND key = ?", ((name, key) for key in keys))
        self.remember(tx, name)

    def learn(self, tx: Transaction, name: str) -> dict[str, str]:
        """Return all foreign rows of a map, read anew if somebody wrote to it. Raises CommandFailed."""
        if not self.knows(name):
            self._read_anew(tx, name)
        return dict(tx.connection.execute("SELECT key, value FROM foreign_entry WHERE map = ?", (name,)))

    def among(self, tx: Transaction, name: str, keys: AbstractSet[str], ours: Mapping[str, str]) -> dict[str, str]:
        """Return which of these keys are foreign rows, with postmap's words, but for those that are as in ``ours``.

        Raises CommandFailed.
        """
        if not self.knows(name):
            self._read_anew(tx, name)
        foreign = tx.connection.execute("SELECT key FROM foreign_entry WHERE map = ?", (name,))
        suspects = [key for (key,) in foreign if key in keys]
        there = self._maps.look_up(name, suspects) if suspects else {}
        return {key: self._maps.try_to_add(name, key, "x") for key, value in there.items() if ours.get(key) != value}

    def _read_anew(self, tx: Transaction, name: str) -> None:
        state = self._maps.fingerprint(name)
        ours = entries(tx, name)
        queued = queued_for(tx, name)
        foreign = [
            (name, key, value)
            for key, value in self._maps.dump(name).items()
            if ours.get(key) != value and key not in queued
        ]
        tx.connection.execute("DELETE FROM foreign_entry WHERE map = ?", (name,))
        tx.connection.executemany("INSERT INTO foreign_entry VALUES (?, ?, ?)", foreign)
        tx.connection.execute("INSERT OR REPLACE INTO map_file VALUES (?, ?)", (name, state))
