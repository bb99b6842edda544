from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from panel.contracts import actions, ending, orders, stepping, suspending, usage_days
from tests.worlds import World, small_world


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    with small_world(tmp_path, database_url=database_url) as world:
        yield world


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Callable[[date], None]:
    """Let the database say that it is another day."""

    def set_day(day: date) -> None:
        for module in (actions, ending, orders, stepping, suspending, usage_days):
            monkeypatch.setattr(module, "database_today", lambda: day)

    return set_day
