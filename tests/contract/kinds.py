"""The kinds of resources that stand under the contract, each with how it shows outside that it is there."""

from __future__ import annotations

import smtplib
from abc import ABC, abstractmethod
from dataclasses import replace

from provisioning.resources import Alias, Gone, Mailbox, MailDomain, Zone
from tests.contract.node import AgentUnderTest, new_id

SHARED_DOMAIN = "contract.test"
Put = MailDomain | Mailbox | Alias | Zone


class KindUnderTest(ABC):
    """One kind: how to make resources of it, and how to see them by the service's own protocol."""

    name: str
    lock = "/run/cis-mail.lock"
    queue = "todo"

    def __init__(self, agent: AgentUnderTest) -> None:
        self.agent = agent
        self.prepare()

    def prepare(self) -> None:  # noqa: B027  # most kinds need nothing
        """Make what resources of this kind need."""

    @abstractmethod
    def new(self) -> Put:
        """Return a resource the node has never seen."""

    @abstractmethod
    def changed(self, item: Put) -> Put:
        """Return the next generation, changed so that it shows outside."""

    @abstractmethod
    def served(self, item: Put) -> bool:
        """Tell whether the service serves exactly this."""

    @abstractmethod
    def plant_foreign(self, item: Put) -> None:
        """Do by hand on the node what the agent would do for ``item``: it will then be somebody else's."""

    @abstractmethod
    def spoil(self, item: Put) -> None:
        """Make the service serve ``item`` otherwise, by hand, and put the size and the times of files back."""

    @abstractmethod
    def lose_row(self, item: Put) -> None:
        """Delete by hand the row from which the agent knows ``item``."""

    @abstractmethod
    def foreign_row(self, item: Put) -> dict[str, str]:
        """Return how a survey names what was planted."""

    @abstractmethod
    def foreign_is_there(self, item: Put) -> bool:
        """Tell whether what was planted is still there, unchanged."""

    def gone(self, item: Put) -> Gone:
        """Return the removal of ``item``."""
        return Gone(kind=item.kind, id=item.id, generation=item.generation + 1)


class _ByPostfix(KindUnderTest):
    """Kinds that show in whether Postfix takes mail."""

    map_name: str

    def plant_foreign(self, item: Put) -> None:
        self.agent.planted.append({"map": self.map_name, "key": self.key(item)})
        self.agent.run("postmap", "-i", f"lmdb:/etc/postfix/cis/{self.map_name}", stdin=f"{self.key(item)} foreign\n")

    def spoil(self, item: Put) -> None:
        file, put = f"/etc/postfix/cis/{self.map_name}.lmdb", f"postmap -i -r lmdb:/etc/postfix/cis/{self.map_name}"
        # LMDB grows by the first writes and then uses its pages again.
        warm = f"for i in 1 2 3; do echo {self.key(item)} warm | {put}; done"
        script = (
            f"{warm} && touch -r {file} /tmp/times && stat -c %s {file} > /tmp/size && {put}"
            f" && touch -r /tmp/times {file} && test $(stat -c %s {file}) = $(cat /tmp/size)"
        )
        self.agent.run("sh", "-c", script, stdin=f"{self.key(item)} spoilt\n")

    def lose_row(self, item: Put) -> None:
        script = "import sqlite3, sys; db = sqlite3.connect('/var/lib/cis/mail/mail.sqlite', isolation_level=None); "
        script += f"db.execute('DELETE FROM {self.name} WHERE id = ?', sys.argv[1:])"  # noqa: S608  # the kind's own name
        self.agent.run("python3", "-c", script, item.id)

    def foreign_row(self, item: Put) -> dict[str, str]:
        return {"map": self.map_name, "key": self.key(item), "value": "foreign"}

    def foreign_is_there(self, item: Put) -> bool:
        rows = self.agent.run("postmap", "-s", f"lmdb:/etc/postfix/cis/{self.map_name}").splitlines()
        return f"{self.key(item)}\tforeign" in rows

    def key(self, item: Put) -> str:
        return item.name if isinstance(item, MailDomain | Zone) else item.address

    def answer(self, address: str) -> int:
        with smtplib.SMTP(self.agent.target.node_address, timeout=60) as client:
            client.ehlo("outside.example")
            client.mail("somebody@outside.example")
            return client.rcpt(address)[0]


class MailDomainKind(_ByPostfix):
    name = "mail_domain"
    map_name = "domains"

    def new(self) -> MailDomain:
        return MailDomain(id=new_id(), generation=1, name=f"d{new_id()[:8]}.test")

    def changed(self, item: Put) -> Put:
        return replace(item, generation=item.generation + 1)  # a domain has nothing that could change

    def served(self, item: Put) -> bool:
        # A stranger in a domain of ours is unknown (550); in another's domain we do not relay (554).
        # Each time another one: Postfix remembers for up to 30 s where the address it looked at last would go.
        return self.answer(f"nobody-{new_id()}@{self.key(item)}") == 550


class MailboxKind(_ByPostfix):
    name = "mailbox"
    map_name = "mailboxes"

    def prepare(self) -> None:
        ensure_domain(self.agent)

    def new(self) -> Mailbox:
        return mailbox()

    def changed(self, item: Put) -> Put:
        assert isinstance(item, Mailbox)
        return replace(item, generation=item.generation + 1, address=new_address())

    def served(self, item: Put) -> bool:
        return self.answer(self.key(item)) == 250


class AliasKind(_ByPostfix):
    name = "alias"
    map_name = "aliases"

    def prepare(self) -> None:
        ensure_domain(self.agent)
        self.target = mailbox()
        self.agent.make(self.target)

    def new(self) -> Alias:
        return Alias(id=new_id(), generation=1, address=new_address(), target=self.target.address)

    def changed(self, item: Put) -> Put:
        assert isinstance(item, Alias)
        return replace(item, generation=item.generation + 1, address=new_address())

    def served(self, item: Put) -> bool:
        return self.answer(self.key(item)) == 250


KINDS: tuple[type[KindUnderTest], ...] = (MailDomainKind, MailboxKind, AliasKind)


def ensure_domain(agent: AgentUnderTest, name: str = SHARED_DOMAIN) -> None:
    """Have the node accept mail for the domain of the tests."""
    agent.send([MailDomain(id="00000000-0000-4000-8000-00000000d0d0", generation=1, name=name)])


def new_address() -> str:
    """Make an address nobody has."""
    return f"u{new_id()[:13]}@{SHARED_DOMAIN}"


def mailbox(**fields: object) -> Mailbox:
    """Make a mailbox that waits for its password, but for ``fields``."""
    values = {"id": new_id(), "generation": 1, "address": new_address(), "login": "waiting", "password_hash": None}
    return Mailbox(**{**values, "quota_mb": 100, **fields})  # type: ignore[arg-type]  # tests give the right types
