"""``cis db``: the database's shape."""

from __future__ import annotations

import click
from flask_migrate import upgrade as upgrade_database

from panel.cli.session import opened_panel


@click.group()
def db() -> None:
    """The database's shape."""


@db.command()
def upgrade() -> None:
    """Make the database, or bring it to the shape this release needs; nothing happens where it has it."""
    with opened_panel(create=True):
        upgrade_database()
