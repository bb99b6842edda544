"""Migrations lead an empty database to exactly what the models say, and back to nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.checks.files import ROOT

STEPS = (("upgrade", "up to the newest"), ("check", "the models"), ("downgrade base", "down to nothing"))


def faults(folder: Path, migrations: Path = ROOT / "migrations") -> list[str]:
    """Take a database in ``folder`` up, compare it with the models, take it down; return what went wrong."""
    environment = {**os.environ, "CIS_ENV": "lab", "CIS_DATA_DIR": str(folder), "FLASK_APP": "wsgi"}
    for step, goal in STEPS:
        argv = [sys.executable, "-m", "flask", "db", step.split()[0], "-d", str(migrations), *step.split()[1:]]
        done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            return [f"{goal}: flask db {step} failed", *done.stderr.strip().splitlines()[-15:]]
    return []


def main() -> int:
    """Print what went wrong and return 1 if anything did."""
    with tempfile.TemporaryDirectory() as folder:
        found = faults(Path(folder))
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
