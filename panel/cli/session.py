"""What surrounds a command that works on the panel: its settings, its user, its database, its language, its errors."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Concatenate, ParamSpec

import click
from flask import Flask
from sqlalchemy.exc import OperationalError, ProgrammingError

from config import Settings
from panel.cli.errors import exit_with
from panel.cli.exit_codes import FAILED
from panel.cli.privileges import become_panel_user, unix_user
from panel.cli.settings import load_settings
from panel.kernel import i18n
from panel.kernel.access import PERMISSIONS, Actor, Reach
from panel.kernel.errors import PanelError
from panel.wiring import create_core_app

P = ParamSpec("P")


def with_panel(command: Callable[Concatenate[Actor, P], None]) -> Callable[P, None]:
    """Run ``command`` with the panel's database at hand, as the actor ``cli:USER``, who may do everything.

    Whoever can open the database's file could change it anyhow: access to it is the authority. Errors of actions
    become messages and exit codes (``errors.EXIT_CODES``).
    """

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        with opened_panel() as actor:
            command(actor, *args, **kwargs)

    return wrapper


@contextmanager
def opened_panel(*, create: bool = False) -> Iterator[Actor]:
    """The actor of the command line, within the application; errors of actions end the program.

    ``create``: go on where there is no database yet.
    """
    user = unix_user()
    app = _make_app(create=create)
    with app.app_context(), i18n.force_locale(_language(app)):
        try:
            yield Actor(
                ref=f"cli:{user}", name=user, grants=(Reach(permissions=PERMISSIONS, member_ids=None),), fresh=True
            )
        except PanelError as error:
            exit_with(error)
        except (OperationalError, ProgrammingError) as error:  # PostgreSQL says the latter of missing tables
            click.echo(f"The database cannot be used: {error.orig} (was `cis db upgrade` run?)", err=True)
            sys.exit(FAILED)


def _make_app(*, create: bool) -> Flask:
    settings = load_settings()
    become_panel_user(settings)
    if not create:
        _require_database(settings)
    app = create_core_app(settings)
    i18n.connect(app)
    return app


def _require_database(settings: Settings) -> None:
    """Stop where there is no database yet: looking must not make an empty one in a place nobody meant."""
    if not settings.database_url and not (settings.data_dir / "panel.sqlite").exists():
        place = settings.data_dir.absolute()
        raise click.ClickException(f"no panel in {place}: set CIS_DATA_DIR, or make one there with `cis db upgrade`")


def _language(app: Flask) -> str:
    """The terminal's language where the panel speaks it, else the installation's."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        spoken = os.environ.get(name, "")[:2]
        if spoken in i18n.LANGUAGES:
            return spoken
    return str(app.config["CIS"].language)
