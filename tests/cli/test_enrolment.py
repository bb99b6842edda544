"""The operator's part of enrolment, against a real host: what must stop it before the host is touched.

That it works is shown wherever a whole panel is started.
"""

from __future__ import annotations

import pytest
from click.testing import Result
from sqlalchemy import select

from panel.kernel.db import db, unit_of_work
from panel.ledger.nodes import Node
from provisioning.lab import LabState
from provisioning.ssh import scan_host_key
from tests.cli.terminal import Terminal


def test_a_fingerprint_is_shown_and_must_be_accepted(terminal: Terminal, lab_state: LabState) -> None:
    shown = scan_host_key(lab_state.nodes["mail1"].address, 22).fingerprint
    refused = _enroll(terminal, lab_state, given="n\n")
    assert refused.exit_code == 1
    assert shown in refused.output
    other = _enroll(terminal, lab_state, "--yes-fingerprint", "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    assert other.exit_code == 1
    assert "another machine" in other.output
    beside = _enroll(terminal, lab_state, "--json", given="n\n")
    assert (beside.stdout, shown in beside.stderr) == ("", True), "who reads JSON reads nothing else"
    assert "mail9" not in [node["name"] for node in terminal.json("nodes", "list")]


def test_a_node_whose_key_changed_is_not_enrolled_again(terminal: Terminal, lab_state: LabState) -> None:
    with terminal.panel(), unit_of_work():
        db.session.scalars(select(Node)).one().name = "mail9"
    shown = scan_host_key(lab_state.nodes["mail1"].address, 22).fingerprint
    done = _enroll(terminal, lab_state, "--yes-fingerprint", shown)
    assert done.exit_code == 1
    assert "another key than the one pinned" in done.output


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("Mail 1", (), "NAME"),
        ("mail9", ("--roles", "mail,coffee"), "--roles"),
        ("mail9", ("--port", "0"), "--port"),
        ("mail9", ("--operator-key", "/nowhere"), "--operator-key"),
    ],
)
def test_what_makes_no_sense_is_used_wrongly(
    terminal: Terminal, lab_state: LabState, name: str, options: tuple[str, ...], said: str
) -> None:
    done = _enroll(terminal, lab_state, *options, name=name)
    assert done.exit_code == 2
    assert said in done.output


def test_a_host_that_does_not_answer_is_told_so(terminal: Terminal, lab_state: LabState) -> None:
    done = _enroll(terminal, lab_state, "--port", "9")
    assert done.exit_code == 1
    assert "Error: " in done.output


def test_the_panels_key_is_made_once_and_its_private_half_is_not_shown(terminal: Terminal) -> None:
    first, second = terminal.run("nodes", "key", "mail1"), terminal.run("nodes", "key", "mail1")
    assert first.stdout == second.stdout
    assert "ssh-ed25519 AAAA" in first.stdout
    key = terminal.data_dir / "keys/panel_ed25519"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_text().splitlines()[1] not in first.output


def _enroll(terminal: Terminal, lab: LabState, *options: str, name: str = "mail9", given: str | None = None) -> Result:
    place = ("--address", lab.nodes["mail1"].address, "--roles", "mail", "--operator-key", str(lab.operator_key))
    return terminal.run("nodes", "enroll", name, *place, *options, given=given)
