"""The node's administrator puts a batch back with `cis-node`, the panel away; real maps, real sessions."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from provisioning.resources import Alias, Mailbox
from tests.contract.kinds import mailbox, new_address
from tests.contract.mail_client import PASSWORD, assert_ended, gone, send, sign_in, sign_in_inside, subjects_when
from tests.contract.node import AgentUnderTest, new_id


def test_a_wrong_batch_is_put_back_as_if_it_had_not_been(
    mail: AgentUnderTest, reader: Mailbox, password_hash: str
) -> None:
    """One mailbox blocked, one removed, one made, one renamed, its alias led elsewhere: mail and logins work again."""
    removed, renamed = mailbox(), mailbox(login="open", password_hash=password_hash)
    alias = Alias(id=new_id(), generation=1, address=new_address(), target=renamed.address)
    mail.make(removed, renamed, alias)
    before = mail.ask(op="survey")["kinds"]
    batch, made = new_id(), mailbox()
    moved = replace(renamed, generation=2, address=new_address())
    led = replace(alias, generation=2, target=moved.address)
    blocked = replace(reader, generation=2, login="blocked")
    mail.make(blocked, gone(removed), made, moved, led, batch=batch)
    session = sign_in(mail, moved.address)

    code, said = cis_node(mail, "rollback", batch[:13], "--yes")

    assert code == 0, said
    assert f"mailbox {reader.address}: login blocked → open" in said
    assert f"mailbox {removed.address}: comes back" in said
    assert mail.ask(op="survey")["kinds"] == before
    assert mail.ask(op="survey")["foreign"] == []
    assert_ended(session)
    send(mail, alias.address, "to the old name")
    assert subjects_when(mail, renamed.address, "to the old name") == ["to the old name"]
    assert sign_in_inside(mail, reader.address, PASSWORD)[0][0] == "accepted"
    assert [one["code"] for one in mail.send([blocked, led])] == ["rolled_back"] * 2
    mail.make(blocked, gone(removed), made, moved, led, repair=True)
    assert mail.ask(op="survey")["foreign"] == []


def test_a_domain_with_all_that_is_in_it_can_be_put_back(mail: AgentUnderTest) -> None:
    before = mail.ask(op="survey")["kinds"]
    name = f"r{new_id()[:8]}.test"
    domain = {"do": "put", "kind": "mail_domain", "id": new_id(), "generation": 1, "name": name}
    boxes = [mailbox(address=f"u{number}@{name}") for number in range(30)]
    items = [domain, *({"do": "put", "kind": "mailbox", **fields(box)} for box in boxes)]
    mail.ask(op="apply", fence=mail.fence, batch=new_id(), items=items)
    assert cis_node(mail, "rollback", "--yes")[0] == 0
    assert mail.ask(op="survey")["kinds"] == before


def test_without_a_yes_nothing_happens(mail: AgentUnderTest, reader: Mailbox) -> None:
    before = mail.ask(op="survey")["kinds"]
    for answer in ("", "n\n", "yesterday\n"):
        code, said = cis_node(mail, "rollback", stdin=answer)
        assert code == 3
        assert f"mailbox {reader.address}: goes" in said
        assert "Nothing was changed." in said
    assert mail.ask(op="survey")["kinds"] == before
    assert cis_node(mail, "rollback", stdin="y\n")[0] == 0
    assert reader.id not in json.dumps(mail.ask(op="known", kind="mailbox"))


def test_batches_are_listed_with_what_became_of_them(mail: AgentUnderTest) -> None:
    batch = new_id()
    mail.make(mailbox(), mailbox(), batch=batch)
    code, said = cis_node(mail, "batches")
    assert code == 0
    assert f"{batch}  2 mailbox created\n" in said
    cis_node(mail, "rollback", batch, "--yes")
    undone = [line for line in cis_node(mail, "batches", "--all")[1].splitlines() if f"  {batch}  " in line]
    assert "undone by rollback-" in undone[0]


@pytest.mark.parametrize(
    "arguments", [("rollback", "--force"), ("rollback", "a", "b"), ("batches", "x"), ("verify", "x"), ("restore",)]
)
def test_unknown_arguments_are_a_mistake_in_usage(mail: AgentUnderTest, arguments: tuple[str, ...]) -> None:
    code, said = cis_node(mail, *arguments)
    assert code == 2
    assert said.startswith("usage: ")


def test_a_batch_that_nobody_knows_changes_nothing(mail: AgentUnderTest) -> None:
    code, said = cis_node(mail, "rollback", "ffffffff-ffff", "--yes")
    assert (code, said) == (3, "no batch ffffffff-ffff is kept here. Nothing was changed.\n")


def test_verify_tells_what_is_not_in_order(mail: AgentUnderTest) -> None:
    mail.make(mailbox())
    assert cis_node(mail, "verify")[0] == 0
    mail.run("sh", "-c", "chmod 666 /etc/postfix/master.cf; postfix stop >/dev/null 2>&1; :")
    try:
        code, said = cis_node(mail, "verify")
    finally:
        mail.run("sh", "-c", "chmod 644 /etc/postfix/master.cf; postfix start </dev/null >/dev/null 2>&1")
    report = json.loads(said)
    assert code == 1
    assert report["files"] == ["/etc/postfix/master.cf"]
    assert report["daemons"] == {"postfix": False, "dovecot": True, "sender-check": True}
    assert report["batches"][0]["counts"] == {"mailbox created": 1}
    assert mail.ask(op="health")["daemons"] == {"postfix": True, "dovecot": True, "sender-check": True}


def cis_node(mail: AgentUnderTest, *arguments: str, stdin: str = "") -> tuple[int, str]:
    """Run the node's own command; return its exit code and all that it said."""
    done = mail.lab.exec(mail.node.state.name, ["cis-node", *arguments], stdin=stdin.encode(), timeout=60)
    return done.returncode, done.stdout.decode() + done.stderr.decode()


def fields(box: Mailbox) -> dict[str, object]:
    names = ("id", "generation", "address", "login", "password_hash", "quota_mb")
    return {name: getattr(box, name) for name in names}
