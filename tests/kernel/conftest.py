from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worlds import World, small_world


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    with small_world(tmp_path, database_url=database_url) as world:
        yield world
