from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drift.panel import Drifting, drifting_world


@pytest.fixture
def drifting(tmp_path: Path, database_url: str) -> Iterator[Drifting]:
    with drifting_world(tmp_path, database_url=database_url) as drifting:
        yield drifting
