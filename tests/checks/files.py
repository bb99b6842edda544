"""Which files are ours: what git tracks, and what it would track if added."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def tracked_files() -> list[str]:
    """List paths, relative to the root, of all files that are or would be committed."""
    argv = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return sorted(path for path in set(done.stdout.split("\0")) if path and (ROOT / path).is_file())


def python_files() -> list[str]:
    """List our Python files, Alembic's generated revisions left out."""
    return [path for path in tracked_files() if path.endswith(".py") and not path.startswith("migrations/versions/")]


def read(path: str) -> str:
    """Read one file of ours as text."""
    return (ROOT / path).read_text(encoding="utf-8")
