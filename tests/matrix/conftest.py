from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.matrix.asking import Pages, Programs
from tests.matrix.families import Families, families


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Families]:
    """The two families, as they were at first before each request."""
    with families(tmp_path_factory.mktemp("families")) as made:
        yield made


@pytest.fixture(scope="session")
def pages(both: Families) -> Pages:
    return Pages(both)


@pytest.fixture(scope="session")
def programs(both: Families) -> Programs:
    return Programs(both)
