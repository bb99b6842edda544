"""A node's mail on another host and back, with real restic, sshd and Dovecot."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioning.agent.backup.maildirs import folder_name
from provisioning.agent.backup.repository import Repository
from provisioning.agent.backup.restoring import Wish
from provisioning.enroll import EnrolmentFailed
from provisioning.lab import Lab
from provisioning.ssh import AgentError, AgentSession
from tests.backups import FLEET, BackupHost, set_up_backups
from tests.nodes import EnrolledNode, enroll_lab_node, free_lab_name

BOX = "0193a000-0000-7000-8000-000000000001"
ADDRESS = "anna@backup.test"
SENT = "Wysłane/Ważne 2026"
ROOM_MB = 2


class Backed:
    """A mail node with backups, one mailbox, and what its holder sees."""

    def __init__(self, lab: Lab, node: EnrolledNode, host: BackupHost) -> None:
        self.lab, self.node, self.host = lab, node, host
        self.agent: AgentSession = node.session()
        self.fence = 1

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        return self.agent.request({"op": op, **fields}, 120)

    def make_box(self, box: str = BOX, address: str = ADDRESS) -> None:
        items = [
            {"do": "put", "kind": "mail_domain", "id": f"{box[:-2]}99", "generation": 1, "name": "backup.test"},
            {"do": "put", "kind": "mailbox", "id": box, "generation": 1, "address": address, "login": "open",
             "password_hash": None, "quota_mb": ROOM_MB},
        ]  # fmt: skip
        items[1]["login"] = "waiting"
        reply = self.ask("apply", batch=str(uuid.uuid4()), fence=self.fence, items=items)
        assert {one["outcome"] for one in reply["outcomes"]} <= {"applied", "unchanged"}, reply

    def deliver(self, subject: str, *, folder: str = "INBOX", size: int = 10) -> None:
        text = f"Subject: {subject}\nFrom: b@x.test\n\n" + "x" * 70 + ("\n" + "y" * 70) * (size // 71)
        argv = ["/usr/lib/dovecot/dovecot-lda", "-d", ADDRESS, "-m", folder, "-o", "lda_mailbox_autocreate=yes"]
        assert self.lab.exec("mail1", argv, stdin=text.encode()).returncode == 0

    def subjects(self, address: str = ADDRESS) -> set[tuple[str, str]]:
        """Folder and subject of each message."""
        fields = "mailbox hdr.subject"
        argv = ["doveadm", "-f", "tab", "fetch", "-u", address, fields, "ALL"]
        lines = self.lab.exec("mail1", argv).stdout.decode().splitlines()[1:]
        return {(parts[0], parts[1]) for parts in (line.split("\t") for line in lines)}

    def back_up(self) -> dict[str, Any]:
        assert self.ask("backup", fence=self.fence, run=str(uuid.uuid4()))["started"]
        return self.ended("backup")

    def restore(self, **wish: Any) -> dict[str, Any]:
        run = wish.pop("run", str(uuid.uuid4()))
        body = {"mailbox_id": BOX, "snapshot": self.newest(), "folder": None, "into": "Odtworzone"} | wish
        reply = self.ask("restore_mail", fence=self.fence, run=run, **body)
        assert reply["started"], reply
        return self.ended("restore")

    def newest(self) -> str:
        return str(self.ask("snapshots")["snapshots"][-1]["id"])

    def ended(self, kind: str) -> dict[str, Any]:
        end = time.monotonic() + 180
        while (status := self.ask("backup_status")[kind])["state"] in ("starting", "running"):
            assert time.monotonic() < end, status
            time.sleep(0.1)
        return dict(status)

    def run(self, script: str) -> str:
        done = self.lab.exec("mail1", ["sh", "-c", script])
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()


def test_lost_mail_comes_back_into_a_new_folder_and_nothing_else_changes(backed: Backed) -> None:
    backed.deliver("lost in the inbox")
    backed.deliver("lost elsewhere", folder=SENT)
    saved = backed.back_up()
    assert (saved["state"], saved["files"] > 0, saved["message"]) == ("done", True, "")
    backed.run(f"doveadm expunge -u {ADDRESS} mailbox INBOX ALL; doveadm mailbox delete -u {ADDRESS} '{SENT}'")
    backed.deliver("came since")

    told = backed.restore(into="Odtworzone 2026-11-22")

    assert (told["state"], told["messages"]) == ("done", 2), told
    assert backed.subjects() == {
        ("INBOX", "came since"),
        ("Odtworzone 2026-11-22/INBOX", "lost in the inbox"),
        (f"Odtworzone 2026-11-22/{SENT}", "lost elsewhere"),
    }
    assert backed.run("ls -A /srv/mail") == BOX[:2]


def test_one_folder_alone_comes_back(backed: Backed) -> None:
    backed.deliver("not asked for")
    backed.deliver("asked for", folder=SENT)
    backed.back_up()

    assert backed.restore(folder=SENT, into="Tylko")["messages"] == 1

    assert (f"Tylko/{SENT}", "asked for") in backed.subjects()
    assert not any(folder == "Tylko/INBOX" for folder, _ in backed.subjects())


def test_an_earlier_date_is_an_earlier_snapshot(backed: Backed) -> None:
    backed.deliver("first")
    backed.back_up()
    first = backed.newest()
    backed.deliver("second")
    backed.back_up()
    assert [one["id"] for one in backed.ask("snapshots")["snapshots"]][-2:] == [first, backed.newest()]

    backed.restore(snapshot=first)

    assert {subject for folder, subject in backed.subjects() if folder.startswith("Odtworzone")} == {"first"}


def test_a_restore_asked_for_twice_is_done_once(backed: Backed) -> None:
    backed.deliver("once")
    backed.back_up()
    run = str(uuid.uuid4())

    backed.restore(run=run)
    backed.restore(run=run)

    assert backed.run(f"doveadm -f tab mailbox status -u {ADDRESS} messages Odtworzone/INBOX").endswith("\t1")


def test_mail_that_would_not_fit_is_told_and_none_of_it_comes(backed: Backed) -> None:
    backed.deliver("large", size=1_200_000)
    backed.back_up()

    told = backed.restore()

    assert (told["state"], told["code"]) == ("failed", "over_quota")
    assert backed.subjects() == {("INBOX", "large")}


def test_a_folder_that_was_never_there_is_told(backed: Backed) -> None:
    backed.deliver("here")
    backed.back_up()

    assert backed.restore(folder="Nigdzie")["code"] == "no_mail"


def test_a_backup_host_that_is_away_is_told_in_restics_own_words(backed: Backed) -> None:
    backed.run("nft add table inet away; nft 'add chain inet away out { type filter hook output priority 0; }'")
    backed.run("nft add rule inet away out tcp dport 22 reject")
    try:
        told = backed.back_up()
    finally:
        backed.run("nft delete table inet away")

    assert (told["state"], told["code"]) == ("failed", "repository")
    assert "refused" in told["message"] or "unable" in told["message"]


def test_a_run_that_is_killed_says_so_and_the_next_one_works(backed: Backed) -> None:
    backed.run("nft add table inet slow; nft 'add chain inet slow out { type filter hook output priority 0; }'")
    backed.run("nft add rule inet slow out tcp dport 22 drop")
    try:
        backed.ask("backup", fence=backed.fence, run=str(uuid.uuid4()))
        backed.run("until pgrep --full 'agent.pyz ru[n]' && pgrep restic; do sleep 0.02; done")
        assert backed.ask("backup", fence=backed.fence, run=str(uuid.uuid4()))["code"] == "running"
        backed.run("pkill -KILL --full 'agent.pyz ru[n]'; pkill -KILL restic; true")
    finally:
        backed.run("nft delete table inet slow")

    assert backed.ended("backup")["code"] == "killed"
    assert backed.back_up()["state"] == "done"


def test_an_older_worker_starts_nothing(backed: Backed) -> None:
    backed.ask("watch", fence=backed.fence + 1, watch={"tokens": []})
    for op in ("backup", "restore_mail", "restore_store"):
        with pytest.raises(AgentError) as refusal:
            backed.ask(op, fence=backed.fence, run=str(uuid.uuid4()))
        assert refusal.value.code == "stale_fence"
    backed.fence += 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"mailbox_id": "../../etc"},
        {"snapshot": "latest"},
        {"snapshot": "--help"},
        {"folder": "../INBOX"},
        {"folder": "a\nb"},
        {"into": "-o"},
        {"into": "a/b"},
        {"into": ""},
        {"run": "x"},
    ],
)
def test_values_that_are_none_are_refused(backed: Backed, wrong: dict[str, str]) -> None:
    good = {"mailbox_id": BOX, "snapshot": "0" * 64, "folder": None, "into": "Odtworzone", "run": str(uuid.uuid4())}

    with pytest.raises(AgentError) as refusal:
        backed.ask("restore_mail", fence=backed.fence, **(good | wrong))

    assert refusal.value.code == "bad_request"


def test_the_nodes_administrator_backs_up_without_the_panel(backed: Backed) -> None:
    assert '"snapshot"' in backed.run("cis-node backup")


def test_the_password_and_the_key_are_roots_alone_and_in_no_argument(backed: Backed) -> None:
    assert backed.run("stat -c %a /etc/cis/backup") == "700"
    assert set(backed.run("stat -c %a /etc/cis/backup/password /etc/cis/backup/key").split()) == {"600"}


def test_a_whole_store_comes_back_beneath_what_has_come_since(backed: Backed) -> None:
    backed.deliver("old")
    backed.deliver("old and sent", folder=SENT)
    backed.run("install -d -o vmail -g vmail /srv/mail/99 /srv/mail/99/99000000-0000-7000-8000-000000000009")
    backed.back_up()
    backed.run("rm -rf /srv/mail/*")
    backed.deliver("new")

    reply = backed.ask("restore_store", fence=backed.fence, run=str(uuid.uuid4()), snapshot=None)
    assert reply["started"]
    told = backed.ended("restore")

    assert (told["state"], told["mailboxes"], told["messages"]) == ("done", 1, 2), told
    assert backed.subjects() == {("INBOX", "old"), ("INBOX", "new"), (SENT, "old and sent")}
    assert backed.run("ls -A /srv/mail") == BOX[:2]
    assert set(backed.run("find /srv/mail/0? -exec stat -c %U {} +").split()) == {"vmail"}


def test_another_password_than_the_repositorys_is_refused(backed: Backed) -> None:
    with pytest.raises(EnrolmentFailed, match="another password"):
        set_up_backups(backed.lab, backed.host, backed.node.host_key, password="of-somebody-else-surely")
    assert backed.host.files() > 0


@pytest.mark.parametrize("wrong", ["-oProxyCommand=x", "a b", "x;y", ""])
def test_a_repository_is_named_by_plain_words_only(wrong: str) -> None:
    for user, host, folder in ((wrong, "h", "/f"), ("u", wrong, "/f"), ("u", "h", wrong)):
        with pytest.raises(ValueError, match=r"user|host|folder"):
            Repository(user, host, 22, folder)


def test_folders_are_named_as_dovecot_names_them() -> None:
    assert folder_name("Wysłane/A&B") == ".Wys&AUI-ane.A&-B"
    Wish(BOX, "0" * 64, "Wysłane/A&B", "Odtworzone 2026-11-22")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backed]:
    folder: Path = tmp_path_factory.mktemp("backup")
    with free_lab_name(folder, first="backup") as name:
        lab = Lab(folder, name, fleet=FLEET, progress=print)
        state = lab.up()
        try:
            node = enroll_lab_node(state, "mail1", folder / "panel_key")
            host = BackupHost(lab)
            opened = set_up_backups(lab, host, node.host_key)
            assert (opened.made, bool(opened.password)) == (True, True)
            assert set_up_backups(lab, host, node.host_key).password is None
            yield Backed(lab, node, host)
            node.sessions.close()
        finally:
            lab.destroy()


@pytest.fixture
def backed(whole: Backed) -> Backed:
    """The node with an empty mailbox."""
    whole.run("rm -rf /srv/mail/*")
    whole.make_box()
    return whole
