"""Run every check, show each as one line, and the words of those that fail."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
SECONDS_MAX = 300
AT_ONCE = 2


class Check(NamedTuple):
    """One command that must succeed; ``name`` is the rule as a person would say it."""

    name: str
    argv: list[str]


def checks() -> list[Check]:
    """List all checks: first the one that takes as long as the others together, then these, the quickest first."""
    python = str(BIN / "python")
    return [
        Check("Types hold", [str(BIN / "mypy"), "--no-error-summary"]),
        Check(
            "Formatting is the formatter's", [str(BIN / "ruff"), "format", "--check", "--output-format=concise", "."]
        ),
        Check("Lint finds nothing", [str(BIN / "ruff"), "check", "--quiet", "--output-format=concise", "."]),
        Check("House rules are kept", [python, "-m", "tests.checks.house_rules"]),
        Check("The repository holds only what belongs in it", [python, "-m", "tests.checks.repository"]),
        Check("Dependencies are those the product imports", [python, "-m", "tests.checks.dependencies"]),
        Check("Templates are clean", [python, "-m", "tests.checks.templates"]),
        Check("Who may import whom", [str(BIN / "lint-imports"), "--no-logo"]),
        Check("Translations are complete", [python, "-m", "tests.checks.translations"]),
        Check("References equal the code", [python, "-m", "tests.checks.references"]),
        Check("Migrations lead to the models and back", [python, "-m", "tests.checks.migrations"]),
        Check("No dead code", [python, "-m", "tests.checks.dead_code"]),
    ]


def main() -> int:
    """Run the checks named in argv (any part of a name), or all. Returns 1 if one failed."""
    chosen = [check for check in checks() if _is_chosen(check, sys.argv[1:])]
    started = time.monotonic()
    failed = _failed(chosen)
    seconds = time.monotonic() - started
    print(f"\n{len(chosen) - len(failed)} of {len(chosen)} checks passed in {seconds:.0f} s", flush=True)
    for name in failed:
        print(f"  failed: {name}")
    return 1 if failed else 0


def _failed(chosen: Sequence[Check]) -> list[str]:
    """Run them, so many at once; name those that failed."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        passed = list(threads.map(_passes, chosen))
    return [check.name for check, good in zip(chosen, passed, strict=True) if not good]


def _is_chosen(check: Check, words: list[str]) -> bool:
    return not words or any(word.lower() in check.name.lower() for word in words)


def _passes(check: Check) -> bool:
    started = time.monotonic()
    try:
        done = subprocess.run(
            check.argv,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )
        good, words = done.returncode == 0, done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        good, words = False, f"still running after {SECONDS_MAX} s"
    told = [f"{'ok  ' if good else 'FAIL'} {time.monotonic() - started:5.1f} s  {check.name}"]
    told += [] if good else [f"       {line}" for line in words.strip().splitlines()]
    print("\n".join(told), flush=True)  # at once, so that the words of two checks do not mix
    return good


if __name__ == "__main__":
    sys.exit(main())
