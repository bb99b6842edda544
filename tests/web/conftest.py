from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.site import Site, small_site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with small_site(tmp_path) as site:
        yield site


@pytest.fixture
def full_site(tmp_path: Path) -> Iterator[Site]:
    with small_site(tmp_path, full=True) as site:
        yield site
