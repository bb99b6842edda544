from __future__ import annotations

import sys

import pytest

from tests.checks import __main__ as runner


def test_one_failing_check_fails_the_whole_and_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = runner.Check("Good is good", [sys.executable, "-c", "pass"])
    bad = runner.Check("Bad is told", [sys.executable, "-c", "print('its words'); raise SystemExit(3)"])
    monkeypatch.setattr(runner, "checks", lambda: [good, bad])
    monkeypatch.setattr("sys.argv", ["checks"])
    assert runner.main() == 1
    printed = capsys.readouterr().out
    assert "ok " in printed
    assert "its words" in printed
    assert printed.rstrip().endswith("failed: Bad is told")


def test_a_check_that_hangs_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "SECONDS_MAX", 0.2)
    monkeypatch.setattr(
        runner, "checks", lambda: [runner.Check("Slow", [sys.executable, "-c", "import time; time.sleep(60)"])]
    )
    monkeypatch.setattr("sys.argv", ["checks"])
    assert runner.main() == 1
