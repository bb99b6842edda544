from __future__ import annotations

import smtplib
from dataclasses import replace

import pytest

from provisioning.probes.findings import Seen
from provisioning.probes.mail import MailProbe
from provisioning.resources import Alias, Gone, Item, Mailbox, MailDomain
from tests.contract.kinds import mailbox, new_address
from tests.contract.mail_client import (
    PASSWORD,
    assert_ended,
    gone,
    hash_of,
    mail_then_rcpt,
    send,
    send_until_refused,
    sign_in,
    sign_in_inside,
    subjects_when,
    submit_as,
)
from tests.contract.node import AgentUnderTest, new_id


def test_a_message_arrives_and_is_read(mail: AgentUnderTest, reader: Mailbox) -> None:
    send(mail, reader.address, "first")
    assert subjects_when(mail, reader.address, "first") == ["first"]


def test_a_sub_address_arrives(mail: AgentUnderTest, reader: Mailbox) -> None:
    local, _, domain = reader.address.partition("@")
    send(mail, f"{local}+lists@{domain}", "tagged")
    assert subjects_when(mail, reader.address, "tagged") == ["tagged"]


def test_an_alias_arrives(mail: AgentUnderTest, reader: Mailbox) -> None:
    alias = Alias(id=new_id(), generation=1, address=new_address(), target=reader.address)
    mail.make(alias)
    send(mail, alias.address, "by alias")
    assert subjects_when(mail, reader.address, "by alias") == ["by alias"]


def test_a_removed_address_is_unknown(mail: AgentUnderTest, reader: Mailbox) -> None:
    mail.make(gone(reader))
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(mail, reader.address, "too late")
    assert refused.value.recipients[reader.address][0] == 550


def test_a_renamed_mailbox_keeps_its_mail(mail: AgentUnderTest, reader: Mailbox) -> None:
    send(mail, reader.address, "before")
    assert subjects_when(mail, reader.address, "before") == ["before"]
    renamed = replace(reader, generation=2, address=new_address())
    mail.make(renamed, Alias(id=new_id(), generation=1, address=reader.address, target=renamed.address))
    send(mail, reader.address, "to the old name")
    assert subjects_when(mail, renamed.address, "to the old name") == ["before", "to the old name"]


def test_two_mailboxes_swap_addresses_in_one_batch(mail: AgentUnderTest) -> None:
    one, two = mailbox(), mailbox()
    mail.make(one, two)
    mail.make(replace(one, generation=2, address=two.address), replace(two, generation=2, address=one.address))


def test_an_address_another_resource_has_is_refused_alone(mail: AgentUnderTest, reader: Mailbox) -> None:
    alias = Alias(id=new_id(), generation=1, address=reader.address, target=new_address())
    outcomes = mail.send([alias, mailbox()])
    assert [(one["outcome"], one["code"]) for one in outcomes] == [("refused", "taken"), ("applied", "")]
    assert reader.id in outcomes[0]["message"]


def test_a_refused_change_leaves_the_last_good_state_serving(mail: AgentUnderTest, reader: Mailbox) -> None:
    broken = replace(reader, generation=2, password_hash="{ARGON2ID}" + "A" * 60)
    (outcome,) = mail.send([broken])
    assert (outcome["outcome"], outcome["code"]) == ("refused", "hash")
    send(mail, reader.address, "still here")
    assert subjects_when(mail, reader.address, "still here") == ["still here"]


def test_without_its_domain_an_address_is_refused(mail: AgentUnderTest) -> None:
    (outcome,) = mail.send([mailbox(address="a@elsewhere.test")])
    assert (outcome["outcome"], outcome["code"]) == ("refused", "no_domain")


def test_a_domain_in_use_is_not_removed(mail: AgentUnderTest) -> None:
    domain = MailDomain(id=new_id(), generation=1, name="inuse.test")
    box = mailbox(address="a@inuse.test")
    mail.make(domain, box)
    (outcome,) = mail.send([gone(domain)])
    assert (outcome["outcome"], outcome["code"]) == ("refused", "in_use")
    mail.make(gone(box), gone(domain))


@pytest.mark.parametrize("login", ["waiting", "blocked"])
def test_who_waits_or_is_blocked_gets_mail_but_cannot_sign_in(
    mail: AgentUnderTest, password_hash: str, login: str
) -> None:
    box = mailbox(login=login, password_hash=password_hash)
    mail.make(box)
    send(mail, box.address, "kept for later")
    attempts = sign_in_inside(mail, box.address, PASSWORD, "", "!", "*", "probe")
    assert [verdict for verdict, _ in attempts] == ["refused"] * 5


def test_a_wrong_password_is_still_slowed_and_the_right_one_not(mail: AgentUnderTest, reader: Mailbox) -> None:
    (wrong, slow), (right, quick) = sign_in_inside(mail, reader.address, "wrong", PASSWORD)
    assert (wrong, right) == ("refused", "accepted")
    assert slow >= 2
    assert quick < slow, "both at the same moment, on the same machine"


def test_a_new_password_holds_at_once_and_ends_sessions(mail: AgentUnderTest, reader: Mailbox) -> None:
    session = sign_in(mail, reader.address)
    mail.make(replace(reader, generation=2, password_hash=hash_of("another")))
    assert_ended(session)
    sign_in(mail, reader.address, "another").close()


@pytest.mark.parametrize("change", ["blocked", "removed", "renamed"])
def test_a_live_session_ends(mail: AgentUnderTest, reader: Mailbox, change: str) -> None:
    session = sign_in(mail, reader.address)
    changes: dict[str, Item] = {
        "blocked": replace(reader, generation=2, login="blocked"),
        "removed": gone(reader),
        "renamed": replace(reader, generation=2, address=new_address()),
    }
    mail.make(changes[change])
    assert_ended(session)


def test_many_live_sessions_end_in_one_batch(mail: AgentUnderTest, password_hash: str) -> None:
    boxes = [mailbox(login="open", password_hash=password_hash) for _ in range(5)]
    mail.make(*boxes)
    sessions = [sign_in(mail, box.address) for box in boxes]
    mail.make(*(replace(box, generation=2, login="blocked") for box in boxes[:4]))
    for session in sessions[:4]:
        assert_ended(session)
    assert sessions[4].command("NOOP")[0]
    sessions[4].close()


def test_a_larger_quota_does_not_end_sessions(mail: AgentUnderTest, reader: Mailbox) -> None:
    session = sign_in(mail, reader.address)
    mail.make(replace(reader, generation=2, quota_mb=200))
    assert session.command("NOOP")[0]
    session.close()


def test_one_sends_as_oneself_only_and_not_once_blocked(mail: AgentUnderTest, reader: Mailbox) -> None:
    other = mailbox()
    alias = Alias(id=new_id(), generation=1, address=new_address(), target=reader.address)
    mail.make(other, alias)
    client = submit_as(mail, reader.address)
    assert mail_then_rcpt(client, reader.address, other.address) == 250
    assert mail_then_rcpt(client, alias.address, other.address) == 250
    assert mail_then_rcpt(client, other.address, reader.address) == 553
    mail.make(replace(reader, generation=2, login="blocked"))
    assert mail_then_rcpt(client, reader.address, other.address) == 553
    assert mail_then_rcpt(client, alias.address, other.address) == 553
    client.close()


def test_strangers_cannot_relay_nor_sign_in_without_tls(mail: AgentUnderTest) -> None:
    with smtplib.SMTP(mail.target.node_address, 587, timeout=60) as client:
        client.ehlo("outside.example")
        assert "auth" not in client.esmtp_features
    with smtplib.SMTP(mail.target.node_address, timeout=60) as client:
        client.ehlo("outside.example")
        assert "auth" not in client.esmtp_features
        client.mail("somebody@outside.example")
        assert client.rcpt("victim@elsewhere.example")[0] == 554


def test_a_full_mailbox_refuses_mail_and_the_probe_does_not_count(mail: AgentUnderTest, probe: MailProbe) -> None:
    box = mailbox(quota_mb=1)
    mail.make(box)
    assert send_until_refused(mail, box.address, "x" * 300_000) == 552
    found = probe.see_message(box.address, token=mail.token_for(box.id), master_secret=mail.master.secret)
    assert isinstance(found, Seen)


def test_purging_deletes_the_mail_and_removing_keeps_it(mail: AgentUnderTest, reader: Mailbox) -> None:
    home = f"/srv/mail/{reader.id[:2]}/{reader.id}"
    send(mail, reader.address, "keep me")
    assert subjects_when(mail, reader.address, "keep me") == ["keep me"]
    mail.make(gone(reader))
    mail.run("test", "-d", home)
    mail.make(replace(reader, generation=3))
    assert subjects_when(mail, reader.address, "keep me") == ["keep me"]
    mail.make(Gone(kind="mailbox", id=reader.id, generation=4, purge=True))
    mail.run("test", "!", "-e", home)


def test_purging_follows_no_link(mail: AgentUnderTest, reader: Mailbox) -> None:
    home = f"/srv/mail/{reader.id[:2]}/{reader.id}"
    mail.run(
        "sh", "-c", f"mkdir -p {home} /root/precious && touch /root/precious/x && ln -s /root/precious {home}/link"
    )
    mail.make(Gone(kind="mailbox", id=reader.id, generation=2, purge=True))
    mail.run("test", "-e", "/root/precious/x")
    mail.run("test", "!", "-e", home)
