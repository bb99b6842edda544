"""Without any one of the questions that actions ask, the matrix fails (``make test-long``)."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.mutations.rights import Dropped, dropped_calls
from tests.mutations.test_guards import Mutants, open_mutants
from tests.mutations.trees import TESTS_FAILED

SECONDS = 600


def test_there_are_questions_to_take_out() -> None:
    calls = list(dropped_calls())
    assert len(calls) > 25
    for call in calls:
        compile(call.mutated, call.path, "exec")


if os.environ.get("CIS_MUTATIONS") == "all":

    @pytest.mark.parametrize("call", list(dropped_calls()), ids=str)
    def test_without_the_question_the_matrix_fails(mutants: Mutants, call: Dropped) -> None:
        path = mutants.tree.folder / call.path
        kept = path.read_text()
        path.unlink()
        path.write_text(call.mutated)
        try:
            code = mutants.run("tests/matrix", SECONDS)
        finally:
            path.write_text(kept)
        assert code == TESTS_FAILED, f"nobody misses {call}"


@pytest.fixture(scope="module")
def mutants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mutants]:
    with open_mutants(tmp_path_factory.mktemp("questions")) as made:
        yield made
