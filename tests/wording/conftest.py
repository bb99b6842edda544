from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from panel.kernel import i18n
from tests.worlds import World, small_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with small_world(tmp_path) as world:
        i18n.connect(world.app)
        yield world
