"""All tests, three processes at a time; those of real hosts that fail beside the others are asked once more, alone.

Real daemons, leases and looks take longer than their time when three processes share two cores. What fails alone too
fails; what then passes is told, so that nobody takes it for a pass like the others. Nothing else is asked twice: a test
without hosts of its own has no excuse.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.checks.files import ROOT

TOGETHER = ("-n", "3", "--dist", "loadgroup", "--no-loadscope-reorder")
ALONE = ("-n", "0")
MOST = 5
"""More than these are no accident."""

GROUP = re.compile(r"@(?:panel|lab|dns|faults|browser|hosts-\w+)$")
_TESTS_FAILED = 1


def main(arguments: Sequence[str]) -> int:
    """Run them with pytest's ``arguments``; return pytest's exit code."""
    with tempfile.TemporaryDirectory(prefix="cis-tests-") as cache:
        code = _pytest(*TOGETHER, "-o", f"cache_dir={cache}", *arguments)
        again = ask_again(failed(Path(cache, "v/cache/lastfailed"))) if code == _TESTS_FAILED else []
    if not again:
        return code
    _say(f"{len(again)} of real hosts failed beside the others; asked once more, alone:", again)
    code = _pytest(*ALONE, *again)
    if code == 0:
        _say("failed beside the others, passed alone:", again)
    return code


def failed(file: Path) -> list[str]:
    """Read what failed, as pytest names it, from its own cache."""
    return sorted(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else []


def ask_again(names: Sequence[str]) -> list[str]:
    """Of the tests that failed those to ask again: all, if they are few and each has real hosts, or none."""
    if len(names) > MOST or not all(GROUP.search(name) for name in names):
        return []
    return [GROUP.sub("", name) for name in names]


def _pytest(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=ROOT, check=False).returncode


def _say(line: str, names: Sequence[str]) -> None:
    print("\n".join(("", f"==> {line}", *(f"    {name}" for name in names))), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
