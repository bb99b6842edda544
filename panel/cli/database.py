"""``cis db``: the database's shape."""

from __future__ import annotations

import click
from alembic.migration import MigrationContext
from flask_migrate import upgrade as upgrade_database

from panel.cli.output import as_json, print_json
from panel.cli.session import opened_panel
from panel.kernel.db import db as database


@click.group()
def db() -> None:
    """The database's shape."""


@db.command()
@as_json
def upgrade(*, json_: bool) -> None:
    """Make the database, or bring it to the shape this release needs; nothing happens where it has it."""
    with opened_panel(create=True):
        before = _shape()
        upgrade_database()
        if json_:
            print_json({"before": before, "now": _shape()})


def _shape() -> str | None:
    """The last migration that the database has been through; None where it has none."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()
