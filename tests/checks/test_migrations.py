from __future__ import annotations

import shutil
from pathlib import Path

from tests.checks.files import ROOT
from tests.checks.migrations import faults


def test_migrations_that_do_not_make_what_the_models_say_are_found(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "migrations", tmp_path / "migrations")
    shutil.rmtree(tmp_path / "migrations/versions")
    (tmp_path / "migrations/versions").mkdir()
    assert faults(tmp_path / "data", tmp_path / "migrations")
