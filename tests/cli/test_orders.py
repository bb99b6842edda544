"""Orders, steps and tasks at the terminal."""

from __future__ import annotations

from datetime import timedelta

from panel.contracts.entitlements import today
from tests.cli.terminal import Terminal


def test_an_order_and_a_suspension_are_seen_through_at_the_terminal(terminal: Terminal) -> None:
    made = terminal.json("orders", "create", "301103", "--item", "EMAIL=2", "--contract", "CIS/2026/002")
    assert (made["state"], made["total"]) == ("sent", "48.00")
    listed = terminal.json("orders", "list", "koscian", "--state", "sent")
    assert [order["number"] for order in listed] == [made["number"]]
    day = today().isoformat()
    live = terminal.json("orders", "approve", made["number"], "--number", "Aneks 1", "--from", day)
    assert (live["state"], terminal.json("orders", "show", made["id"])["state"]) == ("live", "live")
    late = terminal.run("orders", "withdraw", made["number"])
    assert (late.exit_code, "somebody has decided" in late.stderr) == (5, True)
    assert terminal.run("orders", "show", "ZAM/1999/00001").exit_code == 3
    later = (today() + timedelta(days=20)).isoformat()
    plan = ("contracts", "plan", "CIS/2026/002", "--step", f"no_new={day}", "--step", f"no_login={later}")
    steps = terminal.json(*plan, "--reason", "unpaid", "--contact", "Ewa")
    assert [(step["level"], step["state"]) for step in steps] == [("no_new", "taken"), ("no_login", "planned")]
    stopped = terminal.run("orders", "create", "301103", "--item", "EMAIL=1")
    assert stopped.exit_code == 5
    assert "unpaid" in stopped.stderr
    assert "Ewa" in stopped.stderr
    left = terminal.json("contracts", "cancel-step", "CIS/2026/002", "no_login")
    assert [step["level"] for step in left] == ["no_new"]
    assert terminal.json("contracts", "tasks") == []
    assert terminal.run("contracts", "plan", "CIS/2026/002", "--step", "tomorrow", "--reason", "x").exit_code == 2
