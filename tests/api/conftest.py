from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.program import Program, small_program


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    with small_program(tmp_path) as program:
        yield program


@pytest.fixture(scope="session")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """One world for all tests of refusals: whoever asks for it leaves it as it was."""
    with small_program(tmp_path_factory.mktemp("standing")) as program:
        yield program


@pytest.fixture
def anywhere(tmp_path: Path, database_url: str) -> Iterator[Program]:
    """A program once over each make of database."""
    with small_program(tmp_path, database_url=database_url) as program:
        yield program
