"""Without any one of the questions that the panel asks of people's rights, some test fails.

``make test-long`` tries all. Those with which actions begin are asked for in each run by ``tests/matrix``.
"""

from __future__ import annotations

import ast
import faulthandler
import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.checks.files import ROOT
from tests.mutations.rights import Question, put_switches, questions, switched
from tests.mutations.trees import Tree

SUITES = (
    "tests/matrix/test_actions.py", "tests/matrix/test_by_hand.py", "tests/identity", "tests/members", "tests/mail",
    "tests/contracts", "tests/imports", "tests/webhooks", "tests/search", "tests/dns", "tests/ledger", "tests/matrix",
    "tests/notices", "tests/engine", "tests/backup", "tests/drift", "tests/web",
)  # fmt: skip
"""Tests in the order in which they are asked: those that miss most at the least cost come first."""

SECONDS = 4 * 3600.0
HELD_TWICE = {
    "panel/contracts/actions.py actor.reaches(contract.member_id)":
        "the question that follows says of a foreign contract that it is absent, too",
    "panel/contracts/orders.py actor.reaches(order.member_id)":
        "the question that follows says of a foreign order that it is absent, too",
    'panel/identity/agreements.py actor_for_user(user).may("stepin:enter", step_in.member_id)':
        "find_inside, called a line before, ends a stay whose right is lost",
    "panel/imports/actions.py require(actor, PERMISSION) (2)":
        "get_import begins with it; imports_query, which it calls, asks the same",
    'panel/mail/finding.py actor.may_everywhere("mail:read")':
        "it chooses how a list is counted, not what is in it",
    'panel/mail/restoring.py require_kind(actor, "mailboxes")':
        "get_mailbox, which follows, asks the same",
    "panel/webhooks/reading.py actor.reaches(event.member_id)":
        "the question that follows is no for what is out of reach, too",
}  # fmt: skip
"""Questions that may go, and why: what holds without them. Of equal ones in a file, the first or the one numbered."""


def test_each_question_can_be_taken_out_by_itself() -> None:
    by_path: defaultdict[str, list[Question]] = defaultdict(list)
    for question in questions():
        by_path[question.path].append(question)
    assert sum(map(len, by_path.values())) > 120
    for path, found in by_path.items():
        calls = [node for node in ast.walk(ast.parse(switched((ROOT / path).read_bytes(), found))) if _is_switch(node)]
        assert len(calls) == len(found), path


if os.environ.get("CIS_MUTATIONS") == "all":

    def test_without_any_question_some_test_fails(tmp_path: Path) -> None:
        """All in one run: a test that passes is run again without each question it asked."""
        faulthandler.cancel_dump_traceback_later()  # no other test may take as long
        assert _not_missed(tmp_path) == []


def _not_missed(folder: Path) -> list[str]:
    """The questions that no test misses. ``CIS_MISSED`` names a file that keeps what is found for a later run."""
    (folder / "tree").mkdir()
    tree = Tree(folder / "tree").folder
    put_switches(tree)
    kept = Path(os.environ.get("CIS_MISSED", folder / "missed.json"))
    before = json.loads(kept.read_text()) if kept.exists() else {}
    kept.write_text(json.dumps({str(one): before.get(str(one)) for one in _to_try()}))
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "tests.mutations.missing", "-p", "no:cacheprovider"]
    there = [suite for suite in SUITES if (tree / suite).exists()]
    environment = os.environ | {"CIS_MISSED": str(kept), "PYTHONPATH": str(tree)}
    with (folder / "log").open("wb") as log:
        subprocess.run([*argv, "-k", "not postgresql", *there], cwd=tree, env=environment, check=False, stdout=log,
                       stderr=log, stdin=subprocess.DEVNULL, timeout=SECONDS)  # fmt: skip
    return [question for question, test in json.loads(kept.read_text()).items() if test is None]


def _to_try() -> Iterator[Question]:
    """All questions but those that something else holds too."""
    seen: Counter[str] = Counter()
    for question in sorted(questions(), key=lambda one: (one.path, one.begin)):
        place = f"{question.path} {' '.join(question.text.split())}"
        seen[place] += 1
        if (f"{place} ({seen[place]})" if seen[place] > 1 else place) not in HELD_TWICE:
            yield question


def _is_switch(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_cis_asked"
