"""Write a batch of zones into the rows, leaving out what Knot would not take; what Knot must learn is queued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provisioning.agent.adapters import dns_rows
from provisioning.agent.adapters.contract import Staged, Verdict
from provisioning.agent.adapters.dns_knot import Knot
from provisioning.agent.adapters.dns_rows import Todo, file_of
from provisioning.agent.adapters.knot_control import KnotError
from provisioning.agent.adapters.mail_claims import settle
from provisioning.agent.store import Key, Transaction
from provisioning.resources import Gone, Item, Resource, Zone


class Staging:
    """One batch on its way into the rows."""

    def __init__(
        self,
        tx: Transaction,
        batch: str,
        changes: Sequence[Item],
        before: Mapping[Key, Resource],
        *,
        repair: bool = False,
    ) -> None:
        self._tx = tx
        self._batch = batch
        self._before = before
        self._repair = repair
        self._gone = [item for item in changes if isinstance(item, Gone)]
        self._puts = [item for item in changes if isinstance(item, Zone)]
        self._refused: dict[Key, Verdict] = {}

    def run(self) -> Staged:
        """Do it: what goes gives its name free for what comes."""
        self._refuse_renamed()
        self._refuse_taken()
        self._refuse_by_knot()
        names = self._names_of_gone()
        dns_rows.delete(self._tx, [item.id for item in self._gone])
        puts = [item for item in self._puts if _key(item) not in self._refused]
        dns_rows.write(self._tx, puts, self._before)
        dns_rows.write_keys(self._tx, puts)
        todos = [
            Todo("purge" if item.purge else "remove", item.id, names[item.id], False)
            for item in self._gone
            if item.id in names
        ]
        todos += [Todo("put", item.id, item.name, self._repair) for item in puts]
        dns_rows.add(self._tx, self._batch, todos)
        return Staged(self._refused)

    def _names_of_gone(self) -> dict[str, str]:
        past = dns_rows.past_names(self._tx, [item.id for item in self._gone if item.purge])
        return past | {id_: getattr(had, "name", "") for (_, id_), had in self._before.items()}

    def _refuse_renamed(self) -> None:
        for item in self._puts:
            had = self._before.get(_key(item))
            if isinstance(had, Zone) and had.name != item.name and not self._repair:
                self._refuse(item, "immutable", f"the zone is {had.name} here; another name is another zone")

    def _refuse_taken(self) -> None:
        wanted = {_key(item): item.name for item in self._puts if _key(item) not in self._refused}
        found = dns_rows.holders(self._tx, wanted.values())
        held = {name: (Zone.kind, id_) for name, id_ in found.items()}
        for key, (kind, id_) in settle(wanted, held, {_key(item) for item in self._gone}).items():
            self._refused[key] = Verdict("refused", "taken", f"{kind} {id_} has it on this node")

    def _refuse_by_knot(self) -> None:
        """Ask Knot whether somebody else put these zones there, and for the keys of those that take updates."""
        new = [item for item in self._puts if _key(item) not in {*self._before, *self._refused}]
        keyed = [item for item in self._puts if item.updates and _key(item) not in self._refused]
        if not new and not keyed:
            return
        try:
            with Knot.reached() as knot:
                there = knot.files([item.name for item in new])
                keys = knot.keys() if keyed else {}
        except KnotError as error:
            self._refused |= {_key(item): Verdict("failed", "knot", str(error)) for item in (*new, *keyed)}
            return
        leaving = {file_of(item.id) for item in self._gone}
        for item in new:
            if there.get(item.name) not in {None, file_of(item.id), *leaving}:
                self._refuse(item, "foreign", f"duplicate entry: {item.name} is configured in Knot, not by the panel")
        for item in keyed:
            if not item.update_key and item.updates not in keys:
                self._refuse(item, "no_key", f"Knot has no key {item.updates}")

    def _refuse(self, item: Item, code: str, message: str) -> None:
        self._refused[_key(item)] = Verdict("refused", code, message)


def _key(item: Item) -> Key:
    return item.kind, item.id
