from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.terminal import Terminal, copy_of, make_panel


@pytest.fixture(scope="session")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """One panel for all commands that change nothing."""
    return make_panel(tmp_path_factory.mktemp("panel") / "data")


@pytest.fixture
def terminal(standing: Terminal, tmp_path: Path) -> Terminal:
    return copy_of(standing, tmp_path / "data")
