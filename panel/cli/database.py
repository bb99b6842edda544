"""``cis db``: the database's shape."""

from __future__ import annotations

import click
from flask_migrate import upgrade as upgrade_database

from panel.cli.session import with_panel
from panel.kernel.access import Actor


@click.group()
def db() -> None:
    """The database's shape."""


@db.command()
@with_panel
def upgrade(_actor: Actor) -> None:
    """Bring the database to the shape this release needs; nothing happens where it has it."""
    upgrade_database()
