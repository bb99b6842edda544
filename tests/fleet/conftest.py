from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.zones import Walk, walking
from tests.nodes import NameServers


@pytest.fixture
def walk(name_servers: NameServers, tmp_path: Path) -> Iterator[Walk]:
    with walking(name_servers, tmp_path) as walk:
        yield walk
