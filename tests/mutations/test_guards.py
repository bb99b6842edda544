"""Each guard is missed by a test: taken out, one by one, the test that names it must fail.

The quick ones are tried by every run; ``CIS_MUTATIONS=all`` (``make test-long``) tries those that need a node too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.checks.files import ROOT
from tests.mutations.guards import GUARDS, Guard
from tests.mutations.trees import TESTS_FAILED, Tree

QUICK_SECONDS, SLOW_SECONDS = 60, 300
TRIED = [guard for guard in GUARDS if not guard.slow or os.environ.get("CIS_MUTATIONS") == "all"]


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.promise)
def test_the_guard_stands_where_the_table_says(guard: Guard) -> None:
    assert (ROOT / guard.path).read_text().count(guard.text) == 1
    path, _, name = guard.test.partition("::")
    assert (ROOT / path).is_file()
    assert not name or f"def {name.partition('[')[0]}(" in (ROOT / path).read_text()


def test_with_all_guards_in_place_the_test_passes(mutants: Mutants) -> None:
    assert mutants.run(GUARDS[0].test, QUICK_SECONDS) == 0, mutants.said()


@pytest.mark.parametrize("guard", TRIED, ids=lambda guard: guard.promise)
def test_without_the_guard_its_test_fails(mutants: Mutants, guard: Guard) -> None:
    mutants.tree.take_out(guard)
    try:
        code = mutants.run(guard.test, SLOW_SECONDS if guard.slow else QUICK_SECONDS)
    finally:
        mutants.tree.put_back(guard)
    assert code == TESTS_FAILED, mutants.said()
    assert "\nFAILED " in mutants.said(), mutants.said()


class Mutants:
    """The tree and the program that runs tests over it."""

    def __init__(self, folder: Path, process: subprocess.Popen[str]) -> None:
        self.tree = Tree(folder / "tree")
        self._log = folder / "log"
        self._process = process

    def run(self, test: str, seconds: int) -> int:
        """Run a test; return pytest's exit code, -1 where time ran out."""
        order = {"tree": str(self.tree.folder), "test": test, "seconds": seconds, "log": str(self._log)}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def said(self) -> str:
        """What pytest said."""
        return self._log.read_text(errors="replace")


@contextmanager
def open_mutants(folder: Path) -> Iterator[Mutants]:
    """A tree in ``folder``, and the program that runs tests over it."""
    (folder / "tree").mkdir()
    argv = [sys.executable, str(ROOT / "tests/mutations/runner.py")]
    with subprocess.Popen(argv, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Mutants(folder, process)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(60)


@pytest.fixture(scope="module")
def mutants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mutants]:
    with open_mutants(tmp_path_factory.mktemp("mutants")) as made:
        yield made
