"""``cis providers``, and other people's e-mail at the terminal."""

from __future__ import annotations

from pathlib import Path

from panel.identity.actions import create_user, ensure_roles
from panel.kernel.access import SYSTEM
from tests.cli.terminal import Terminal

SECRET = "known to the provider and to us"
ISSUER = "http://127.0.0.1:9/realms/koscian"


def test_a_provider_is_set_up_at_the_terminal_and_its_secret_comes_by_a_file(
    terminal: Terminal, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n", encoding="utf-8")
    made = terminal.json("providers", "add", "Urząd", "--issuer", ISSUER, "--client-id", "panel",
                         "--member", "miasto-koscian", "--secret-file", str(tmp_path / "secret"))  # fmt: skip
    assert (made["has_secret"], len(made["member_ids"]), made["active"]) == (True, 1, True)
    changed = terminal.json("providers", "change", ISSUER, "--off", "--name", "Urząd Miasta")
    assert changed == made | {"active": False, "name": "Urząd Miasta"}
    piped = terminal.run("providers", "change", made["id"], "--secret-file", "-", given="another one\n")
    assert piped.exit_code == 0
    assert terminal.run("providers", "change", made["id"], "--secret-file", "-", given="").exit_code != 0
    (row,) = terminal.json("providers", "list", "miasta")
    assert row == terminal.json("providers", "show", ISSUER)
    away = terminal.run("providers", "try", ISSUER)
    assert "does not answer" in away.stderr
    terminal.json("providers", "remove", ISSUER)
    assert terminal.json("providers", "list") == []
    for path in terminal.data_dir.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


def test_a_persons_e_mail_is_asked_for_at_the_terminal(terminal: Terminal) -> None:
    with terminal.panel():
        ensure_roles()
        create_user(SYSTEM, email="anna@wokiss.pl", name="Anna", password_hash=None, role="support")
    assert terminal.json("users", "email", "anna@wokiss.pl", "ania@wokiss.pl")["email"] == "ania@wokiss.pl"
    assert terminal.json("users", "keep-email", "anna@wokiss.pl")["email"] == "anna@wokiss.pl"
