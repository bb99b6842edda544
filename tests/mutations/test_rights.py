"""Without any one of the questions that the panel asks of people's rights, some test fails (``make test-long``)."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from tests.checks.files import ROOT
from tests.mutations.rights import Question, put_switches, questions, switched
from tests.mutations.trees import Tree

SUITES = (
    "tests/matrix/test_actions.py", "tests/matrix", "tests/members", "tests/identity", "tests/mail", "tests/contracts",
    "tests/ledger", "tests/notices", "tests/engine", "tests/backup", "tests/imports", "tests/webhooks", "tests/web",
)  # fmt: skip
"""Tests in the order in which they are asked: those that miss most at the least cost come first."""

SECONDS = 4 * 3600.0
HELD_TWICE = {
    "panel/contracts/actions.py actor.reaches(contract.member_id)",
    "panel/contracts/orders.py actor.reaches(order.member_id)",
}
"""Questions that may go: the one that follows them says that the row is absent, too."""


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
        (tmp_path / "tree").mkdir()
        tree = Tree(tmp_path / "tree").folder
        put_switches(tree)
        argv = [sys.executable, "-m", "pytest", "-q", "-p", "tests.mutations.missing", "-p", "no:cacheprovider"]
        suites = [suite for suite in SUITES if (tree / suite).exists()]
        environment = os.environ | {"CIS_MISSED": str(tmp_path / "missed.json"), "PYTHONPATH": str(tree)}
        with (tmp_path / "log").open("wb") as log:
            subprocess.run([*argv, "-k", "not postgresql", *suites], cwd=tree, env=environment, check=False, stdout=log,
                           stderr=log, stdin=subprocess.DEVNULL, timeout=SECONDS)  # fmt: skip
        missed = json.loads((tmp_path / "missed.json").read_text())
        left = [str(one) for one in questions() if str(one) not in missed and _without_place(one) not in HELD_TWICE]
        assert left == []


def _is_switch(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_cis_asked"


def _without_place(question: Question) -> str:
    return f"{question.path} {' '.join(question.text.split())}"
