"""A backup holds everything, is sealed, is read whole, and comes back; what is broken is told before anything moves."""

from __future__ import annotations

import io
import json
import sqlite3
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from flask_migrate import upgrade
from sqlalchemy import select, text

from config import Settings
from panel.backups.checking import verify
from panel.backups.contents import BackupBroken, Contents, Writer
from panel.backups.making import write_backup
from panel.backups.placing import NotPlaced, place
from panel.cli.restore import _prepare
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, new_id, unit_of_work
from panel.ledger.closings import list_closings
from panel.mail.actions import create_mailbox
from panel.mail.models import Mailbox
from panel.members.models import Member
from panel.wiring import create_core_app
from tests.cli.terminal import Terminal, copy_of, make_panel
from tests.worlds import SHARED

CANARY = "canary-of-the-attachments"


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    terminal = make_panel(tmp_path_factory.mktemp("panel") / "data")
    (terminal.data_dir / "attachments").mkdir()
    (terminal.data_dir / "attachments/scan-1").write_text(CANARY)
    assert terminal.run("nodes", "key", "mail1").exit_code == 0
    return terminal


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private key of age; its public half lies beside it."""
    path = tmp_path_factory.mktemp("keys") / "identity"
    subprocess.run(["age-keygen", "-o", str(path)], check=True, timeout=30, stderr=subprocess.DEVNULL)
    shown = subprocess.run(["age-keygen", "-y", str(path)], check=True, timeout=30, stdout=subprocess.PIPE, text=True)
    path.with_suffix(".pub").write_text(shown.stdout.strip())
    return path


def test_a_backup_is_sealed_verified_and_restored_whole(standing: Terminal, identity: Path, tmp_path: Path) -> None:
    made = _backup(standing, identity, tmp_path)
    file = Path(made["file"])
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    sealed = file.read_bytes()
    assert b"SQLite format" not in sealed
    assert CANARY.encode() not in sealed
    assert set(made["files"]) >= {"attachments/scan-1", "keys/panel_ed25519"}
    told = standing.json("backup", "verify", str(file), "--identity", str(identity))
    assert (told["digest"], told["counts"], told["files"]) == (made["digest"], made["counts"], made["files"])
    fresh = Terminal(tmp_path / "fresh")
    fresh.data_dir.mkdir()
    placed = fresh.json("restore", str(file), "--identity", str(identity), "--digest", made["digest"])
    assert placed["kept"] is None
    assert (fresh.data_dir / "attachments/scan-1").read_text() == CANARY
    key = fresh.data_dir / "keys/panel_ed25519"
    assert (key.read_bytes(), key.stat().st_mode & 0o777) == (
        (standing.data_dir / "keys/panel_ed25519").read_bytes(),
        0o600,
    )
    assert not list(fresh.data_dir.glob(".restoring*"))
    assert fresh.rows() == standing.rows() | {"closings": 1}
    with fresh.panel():
        assert [closing.reason for closing in list_closings()] == ["restored"]


def test_data_that_is_there_is_kept_beside_and_only_if_told_so(
    standing: Terminal, identity: Path, tmp_path: Path
) -> None:
    file = _backup(standing, identity, tmp_path)["file"]
    terminal = copy_of(standing, tmp_path / "data")
    with terminal.panel():
        member = db.session.scalars(select(Member)).first()
        assert member is not None
        create_mailbox(SYSTEM, member_id=member.id, address=f"nowsza@{SHARED}")
    refused = terminal.run("restore", file, "--identity", str(identity))
    assert refused.exit_code == 1
    assert _addresses(terminal) == [f"nowsza@{SHARED}"]
    kept = Path(terminal.json("restore", file, "--identity", str(identity), "--replace")["kept"])
    assert _addresses(terminal) == []
    with sqlite3.connect(kept / "panel.sqlite") as old:
        assert old.execute("SELECT address FROM mailboxes").fetchall() == [(f"nowsza@{SHARED}",)]
    assert (kept / "keys/panel_ed25519").exists()
    assert (kept / "attachments/scan-1").exists()


def test_nothing_is_placed_while_a_panel_has_the_data_open(standing: Terminal, identity: Path, tmp_path: Path) -> None:
    file = _backup(standing, identity, tmp_path)["file"]
    terminal = copy_of(standing, tmp_path / "data")
    before = terminal.rows()
    with terminal.panel():
        db.session.scalars(select(Mailbox)).all()
        done = terminal.run("restore", file, "--identity", str(identity), "--replace")
        assert done.exit_code == 1
    assert terminal.rows() == before
    assert not list(terminal.data_dir.glob("replaced*")) + list(terminal.data_dir.glob(".restoring*"))


def test_an_ssh_key_opens_too_and_another_key_does_not(standing: Terminal, identity: Path, tmp_path: Path) -> None:
    key = tmp_path / "ssh"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30)
    folder = tmp_path / "to"
    folder.mkdir()
    made = standing.json("backup", "--to", str(folder), "--recipient", key.with_suffix(".pub").read_text().strip())
    assert standing.run("backup", "verify", made["file"], "--identity", str(key)).exit_code == 0
    assert standing.run("backup", "verify", made["file"], "--identity", str(identity)).exit_code == 1
    terminal = copy_of(standing, tmp_path / "data")
    assert terminal.run("restore", made["file"], "--identity", str(identity), "--replace").exit_code == 1
    assert terminal.rows() == standing.rows()


def test_a_file_that_was_cut_or_touched_is_told_and_changes_nothing(
    standing: Terminal, identity: Path, tmp_path: Path
) -> None:
    file = Path(_backup(standing, identity, tmp_path)["file"])
    whole = file.read_bytes()
    terminal = copy_of(standing, tmp_path / "data")
    touched = whole[:70_000] + bytes([whole[70_000] ^ 1]) + whole[70_001:]
    for number, bad in enumerate((whole[: len(whole) // 2], b"nothing of ours", touched)):
        broken = tmp_path / f"broken-{number}"
        broken.write_bytes(bad)
        assert terminal.run("backup", "verify", str(broken), "--identity", str(identity)).exit_code == 1
    assert terminal.run("restore", str(broken), "--identity", str(identity), "--replace").exit_code == 1
    assert terminal.rows() == standing.rows()
    wrong = terminal.run("restore", str(file), "--identity", str(identity), "--digest", "0" * 64)
    assert (wrong.exit_code, "digest" in wrong.output) == (1, True)


@pytest.mark.parametrize("recipient", ["", "AGE-SECRET-KEY-1QQQ", "-o/etc/passwd", "age1short"])
def test_only_a_public_key_seals(standing: Terminal, tmp_path: Path, recipient: str) -> None:
    options = ["--recipient", recipient] if recipient else []
    done = standing.run("backup", "--to", str(tmp_path), *options)
    assert done.exit_code == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["files/keys/../../x", "/etc/passwd", "files/keys/.hidden", "files/elsewhere/x", "files/keys", "database/1", "x"],
)
def test_names_from_a_strangers_backup_reach_no_other_place(name: str) -> None:
    stream = io.BytesIO()
    writer = Writer(stream, Contents(database="sqlite", schema="1", made_at=""))
    writer._add(name, b"x", 0o600)
    writer.finish()
    with pytest.raises(BackupBroken):
        verify(io.BytesIO(stream.getvalue()))


@pytest.mark.parametrize("fault", ["link", "twice", "after", "digest", "no list", "format"])
def test_what_is_no_backup_of_ours_is_told(fault: str) -> None:
    stream = io.BytesIO()
    contents = Contents(database="sqlite", schema="1", made_at="", format=9 if fault == "format" else 1)
    with tarfile.open(fileobj=stream, mode="w|") as tar:
        member = tarfile.TarInfo("files/keys/x")
        if fault == "link":
            member.type = tarfile.SYMTYPE
        for _ in range(2 if fault == "twice" else 1):
            tar.addfile(member, io.BytesIO(b""))
        listed = json.dumps(contents.__dict__).encode()
        for name in {"no list": (), "after": ("contents.json", "contents.json")}.get(fault, ("contents.json",)):
            last = tarfile.TarInfo(name)
            last.size = len(listed)
            tar.addfile(last, io.BytesIO(listed))
    with pytest.raises(BackupBroken):
        verify(io.BytesIO(stream.getvalue()))


def test_postgresql_goes_the_same_way_and_keeps_the_schema_of_before(tmp_path: Path, empty_database_url: str) -> None:
    settings = Settings(env="lab", data_dir=tmp_path / "data", database_url=empty_database_url, secret_key="of tests")
    _with_member(settings, "before")
    stream = io.BytesIO()
    made = write_backup(settings, {"CIS_X": "y"}, stream)
    stream.seek(0)
    assert verify(stream).database == made.database
    _with_member(settings, "after")
    with pytest.raises(NotPlaced):
        place(settings, io.BytesIO(stream.getvalue()), replace_data=False, prepare=_prepare)
    broken = io.BytesIO(stream.getvalue()[:-20_000])
    with pytest.raises(BackupBroken):
        place(settings, broken, replace_data=True, prepare=_prepare)
    assert _slugs(settings) == {"before", "after"}
    place(settings, io.BytesIO(stream.getvalue()), replace_data=True, prepare=_prepare)
    assert _slugs(settings) == {"before"}
    app = create_core_app(settings)
    with app.app_context():
        assert [closing.reason for closing in list_closings()] == ["restored"]
        if made.database == "postgresql":
            aside = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'replaced%'"
            (schema,) = db.session.scalars(text(aside)).all()
            db.session.execute(text("SELECT set_config('search_path', :schema, false)"), {"schema": schema})
            assert set(db.session.scalars(select(Member.slug))) == {"before", "after"}
        with pytest.raises(NotPlaced, match="stop"):
            place(settings, io.BytesIO(stream.getvalue()), replace_data=True, prepare=_prepare)
        db.session.remove()
        db.engine.dispose()


def _with_member(settings: Settings, slug: str) -> None:
    app = create_core_app(settings)
    with app.app_context():
        upgrade()
        with unit_of_work():
            db.session.add(Member(id=new_id(), name=slug, kind="other", slug=slug))
        db.session.remove()
        db.engine.dispose()


def _slugs(settings: Settings) -> set[str]:
    app = create_core_app(settings)
    with app.app_context():
        found = set(db.session.scalars(select(Member.slug)))
        db.session.remove()
        db.engine.dispose()
    return found


def _backup(terminal: Terminal, identity: Path, folder: Path) -> dict[str, Any]:
    recipient = identity.with_suffix(".pub").read_text()
    made: dict[str, Any] = terminal.json("backup", "--to", str(folder), "--recipient", recipient)
    return made


def _addresses(terminal: Terminal) -> list[str]:
    with terminal.panel():
        return list(db.session.scalars(select(Mailbox.address)))
