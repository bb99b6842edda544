"""A terminal at which somebody runs `cis`, on a panel with the demo data and one node on record."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from contextvars import Context
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import func, select

from config import Settings
from panel.cli import cis
from panel.kernel.access import SYSTEM
from panel.kernel.db import Base, db
from panel.mail.domains import ensure_shared_domain
from panel.wiring import create_core_app
from tests.worlds import SHARED, enrolled_node


@dataclass(frozen=True)
class Terminal:
    """Runs commands on the panel in ``data_dir``."""

    data_dir: Path

    def run(self, *arguments: str, given: str | None = None, language: str = "en") -> Result:
        """Run ``cis ARGUMENTS``, each in a context of its own as separate programs are."""
        environment = {
            "CIS_ENV": "lab",
            "CIS_DATA_DIR": str(self.data_dir),
            "CIS_SECURE_COOKIES": "0",
            "CIS_SECRET_KEY": "of tests",
            "LC_ALL": language,
            "SUDO_USER": "ewa",
        }
        return Context().run(CliRunner(env=environment).invoke, cis, arguments, input=given)

    def json(self, *arguments: str, given: str | None = None) -> Any:
        """Run a command that must succeed, with ``--json``, and read what it printed."""
        done = self.run(*arguments, "--json", given=given)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    @contextmanager
    def panel(self) -> Iterator[Flask]:
        """The panel itself, to look behind the commands."""
        app = create_core_app(Settings(env="lab", data_dir=self.data_dir, secret_key="of tests", secure_cookies=False))
        with app.app_context():
            yield app
            db.session.remove()
            db.engine.dispose()

    def rows(self) -> dict[str, int]:
        """Count the rows of every table."""
        with self.panel():
            counts = {
                name: db.session.scalar(select(func.count()).select_from(table))
                for name, table in Base.metadata.tables.items()
            }
        return {name: count or 0 for name, count in counts.items()}


def make_panel(data_dir: Path) -> Terminal:
    """Make a panel in ``data_dir`` as ``make run`` does, with a node that nobody asks."""
    terminal = Terminal(data_dir)
    for command in (("db", "upgrade"), ("demo", "load")):
        done = terminal.run(*command)
        assert done.exit_code == 0, done.output
    with terminal.panel():
        enrolled_node("mail1")
        ensure_shared_domain(SYSTEM, SHARED)
    return terminal


def copy_of(terminal: Terminal, data_dir: Path) -> Terminal:
    """A panel like that of ``terminal``, which a test may change."""
    shutil.copytree(terminal.data_dir, data_dir, ignore=shutil.ignore_patterns("*.sqlite*"))
    # A connection that is being let go of may take its journal away in the midst of a copy of the files.
    for path in terminal.data_dir.glob("*.sqlite"):
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(data_dir / path.name)) as copy:
            source.backup(copy)
    return Terminal(data_dir)
