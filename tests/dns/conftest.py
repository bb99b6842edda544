from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dns.worlds import name_servers
from tests.worlds import World, small_world


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    """The small world with a primary and a secondary name server, and contracts for zones."""
    with small_world(tmp_path, database_url=database_url) as world:
        name_servers(world)
        yield world
