"""Write a batch of mail changes into the rows, leaving out what the services would not take.

Nothing here is seen by Dovecot before the engine commits; what Postfix must learn is queued in the same commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar, cast

from provisioning.agent.adapters import mail_config, mail_todo
from provisioning.agent.adapters import mail_rows as rows
from provisioning.agent.adapters.commands import CommandFailed
from provisioning.agent.adapters.contract import Staged, Verdict
from provisioning.agent.adapters.mail_claims import settle
from provisioning.agent.adapters.mail_entries import FOLLOWING, Following, following_among, is_plain
from provisioning.agent.adapters.mail_foreign import ForeignEntries
from provisioning.agent.adapters.mail_hash import is_readable
from provisioning.agent.adapters.mail_todo import Todo
from provisioning.agent.store import Key, Transaction
from provisioning.resources import Alias, Gone, Item, Mailbox, MailDomain, Resource

_Put = TypeVar("_Put", MailDomain, Mailbox | Alias)
NEW_HASHES = "password_changes"
_UNKNOWN = Following("", "")


class Staging:
    """One batch on its way into the rows."""

    def __init__(
        self,
        tx: Transaction,
        batch: str,
        changes: Sequence[Item],
        before: Mapping[Key, Resource],
        foreign: ForeignEntries,
        *,
        repair: bool = False,
    ) -> None:
        self._tx = tx
        self._batch = batch
        self._before = before
        self._foreign = foreign
        self._repair = repair
        self._gone = [item for item in changes if isinstance(item, Gone)]
        self._puts = [item for item in changes if not isinstance(item, Gone)]
        self._refused: dict[Key, Verdict] = {}
        self._todos: list[Todo] = []

    def run(self) -> Staged:
        """Do it: domains come first and go last."""
        self._put_domains()
        self._change_addresses()
        self._remove_domains()
        self._queue_sign_outs_and_purges()
        mail_todo.add(self._tx, self._batch, self._todos)
        return Staged(self._refused, self._paces())

    def _put_domains(self) -> None:
        puts = [item for item in self._puts if isinstance(item, MailDomain)]
        for item in puts:
            old = self._before.get(_key(item))
            if old is not None and rows.address_of(old) != item.name:
                self._refuse(
                    item, "immutable", f"the domain is {rows.address_of(old)} here; another name is another domain"
                )
        names = {_key(item): item.name for item in puts}
        holders = rows.domain_holders(self._tx, names.values())
        self._refuse_lost(settle(names, holders, (), self._refused))
        self._refuse_foreign("domains", {_key(item): item.name for item in puts if item.name not in holders}, puts)
        accepted = self._accepted(puts)
        rows.delete(self._tx, "mail_domain", [item.id for item in accepted])
        rows.write(self._tx, "mail_domain", accepted)
        self._todos += [
            Todo("domains", item.name, "x", _key(item)) for item in accepted if self._repair or item.name not in holders
        ]

    def _change_addresses(self) -> None:
        puts = [item for item in self._puts if isinstance(item, Mailbox | Alias)]
        gone = [item for item in self._gone if item.kind != "mail_domain" and _key(item) in self._before]
        self._refuse_unservable(puts)
        wanted = {_key(item): item.address for item in puts}
        holders = rows.holders(self._tx, wanted.values())
        unheld = {key: address for key, address in wanted.items() if address not in holders}
        self._refuse_foreign("mailboxes", unheld, puts)
        self._refuse_foreign("aliases", unheld, puts)
        self._refuse_lost(settle(wanted, holders, {_key(item) for item in gone}, self._refused))
        self._write_addresses(self._accepted(puts), gone)

    def _write_addresses(self, puts: Sequence[Mailbox | Alias], gone: Sequence[Gone]) -> None:
        """Replace the rows, and queue what differs in Postfix' maps between before and after."""
        leaving = [self._before[_key(item)] for item in (*gone, *puts) if _key(item) in self._before]
        owners = {rows.address_of(item): (item.kind, item.id) for item in (*leaving, *puts)}
        bearing = _may_bear_on_following([*leaving, *puts])
        before = {name: following_among(self._tx, name, bearing) for name in FOLLOWING}
        for kind in ("mailbox", "alias"):
            arriving = [item for item in puts if item.kind == kind]
            rows.delete(self._tx, kind, [item.id for item in (*arriving, *gone) if item.kind == kind])
        # All go before any comes, so that two may swap addresses.
        for kind in ("mailbox", "alias"):
            rows.write(self._tx, kind, [item for item in puts if item.kind == kind])
        self._queue_differences("mailboxes", _mailboxes(leaving), _mailboxes(puts), owners)
        self._queue_differences("aliases", _aliases(leaving), _aliases(puts), owners)
        for name in FOLLOWING:
            # Whoever may not send any more has no row, whatever the rows said before.
            suspects = {item.address: _UNKNOWN for item in puts} if self._repair else {}
            after = following_among(self._tx, name, bearing)
            holders = {key: row.holder for key, row in (before[name] | after).items()}
            self._queue_differences(name, _values(suspects | before[name]), _values(after), owners, holders)

    def _queue_differences(
        self,
        name: str,
        old: Mapping[str, str],
        new: Mapping[str, str],
        owners: Mapping[str, Key],
        holders: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        # A row of an alias may change because the mailbox it leads to did.
        def owner(address: str) -> Key:
            return owners[address] if address in owners else owners[holders[address]]

        self._todos += [Todo(name, key, None, owner(key)) for key in old if key not in new and is_plain(key)]
        self._todos += [
            Todo(name, key, value, owner(key)) for key, value in new.items() if self._repair or old.get(key) != value
        ]

    def _remove_domains(self) -> None:
        for item in self._gone:
            old = self._before.get(_key(item))
            if item.kind != "mail_domain" or old is None:
                continue
            name = rows.address_of(old)
            if rows.domain_in_use(self._tx, name):
                self._refuse(item, "in_use", f"mailboxes or aliases still live in {name}")
            else:
                rows.delete(self._tx, "mail_domain", [item.id])
                self._todos += [Todo("domains", name, None, _key(item))] if is_plain(name) else []

    def _queue_sign_outs_and_purges(self) -> None:
        for item in (*self._gone, *self._puts):
            old = self._before.get(_key(item))
            if isinstance(old, Mailbox) and _key(item) not in self._refused and _ends_sessions(old, item):
                self._todos.append(Todo("kick", old.address, None, _key(item)))
        for item in self._gone:
            if item.kind == "mailbox" and item.purge:
                self._todos.append(Todo("purge", item.id, None, _key(item)))

    def _refuse_unservable(self, puts: Sequence[Mailbox | Alias]) -> None:
        domains = rows.domain_holders(self._tx, {rows.domain_of(item.address) for item in puts})
        obeys = int(self._tx.fact(mail_config.SETUP) or 1) >= mail_config.SETUP_NOW
        for item in puts:
            if isinstance(item, Mailbox) and item.grade and not obeys:
                words = "the services here do not obey grades yet: set this node up again (cis nodes enroll)"
                self._refused[_key(item)] = Verdict("failed", "setup_old", words)
            elif rows.domain_of(item.address) not in domains:
                self._refuse(item, "no_domain", f"no mail is accepted here for {rows.domain_of(item.address)}")
            elif isinstance(item, Mailbox) and item.password_hash and not is_readable(item.password_hash):
                self._refuse(item, "hash", "Dovecot could not read this password hash")

    def _refuse_foreign(self, name: str, wanted: Mapping[Key, str], puts: Sequence[_Put]) -> None:
        if not wanted:
            return
        # A repair takes for its own what stands there exactly as it would write it: the row beside it was lost.
        ours = _entries_of(name, puts) if self._repair else {}
        try:
            words = self._foreign.among(self._tx, name, set(wanted.values()), ours)
        except CommandFailed as error:
            self._refused |= {key: Verdict("failed", "map", error.words) for key in wanted}
            return
        found = {key: words[address] for key, address in wanted.items() if address in words}
        self._refused |= {key: Verdict("refused", "foreign", text) for key, text in found.items()}

    def _refuse_lost(self, lost: Mapping[Key, Key]) -> None:
        for key, (kind, id_) in lost.items():
            self._refused[key] = Verdict("refused", "taken", f"{kind} {id_} has it on this node")

    def _refuse(self, item: Item, code: str, message: str) -> None:
        self._refused[_key(item)] = Verdict("refused", code, message)

    def _accepted(self, puts: Sequence[_Put]) -> list[_Put]:
        return [item for item in puts if _key(item) not in self._refused]

    def _paces(self) -> dict[str, int]:
        pairs = ((self._before.get(_key(item)), item) for item in self._puts if _key(item) not in self._refused)
        changed = sum(isinstance(old, Mailbox) and _new_password(old, cast("Mailbox", item)) for old, item in pairs)
        return {NEW_HASHES: changed}


def _entries_of(name: str, puts: Iterable[Resource]) -> dict[str, str]:
    if name == "domains":
        return {item.name: "x" for item in puts if isinstance(item, MailDomain)}
    return _mailboxes(puts) if name == "mailboxes" else _aliases(puts)


def _mailboxes(items: Iterable[Resource]) -> dict[str, str]:
    return {item.address: item.address for item in items if isinstance(item, Mailbox)}


def _aliases(items: Iterable[Resource]) -> dict[str, str]:
    return {item.address: item.target for item in items if isinstance(item, Alias)}


def _may_bear_on_following(items: Iterable[Resource]) -> list[str]:
    """Name the addresses whose change may change who sends as whom, or is stopped: not of mailboxes nobody can open."""
    return [
        item.address
        for item in items
        if isinstance(item, Alias) or (isinstance(item, Mailbox) and (item.login == "open" or item.grade))
    ]


def _values(rows_: Mapping[str, Following]) -> dict[str, str]:
    return {key: row.value for key, row in rows_.items()}


def _ends_sessions(old: Mailbox, item: Item) -> bool:
    if not is_plain(old.address):
        return False  # A row that somebody broke: nobody could have signed in by it.
    if isinstance(item, Gone):
        return True
    new = cast("Mailbox", item)
    locked_out = _may_be_in(old) and not _may_be_in(new)
    return new.address != old.address or locked_out or _new_password(old, new)


def _may_be_in(box: Mailbox) -> bool:
    return box.login == "open" and box.grade not in ("no_login", "closed")


def _new_password(old: Mailbox, new: Mailbox) -> bool:
    return old.password_hash is not None and new.password_hash != old.password_hash


def _key(item: Item) -> Key:
    return item.kind, item.id
