"""The operator's part of commands: whose key acts on a node, and what the panel's part has to say to it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec

import click

from config import Settings
from panel.cli.privileges import as_panel_user

P = ParamSpec("P")


def operator_options(command: Callable[P, None]) -> Callable[P, None]:
    """Options of commands in which the operator acts on a node: whose key, which user."""
    key = click.option(
        "--operator-key",
        type=click.Path(dir_okay=False, path_type=Path),
        default=Path("~/.ssh/id_ed25519"),
        show_default=True,
        callback=lambda _context, _option, path: _own_key(path),
        help="Your private key, used now and not kept.",
    )
    user = click.option(
        "--operator-user", default="root", show_default=True, help="Root, or a user who may sudo without a password."
    )
    return key(user(command))


def of_panel(settings: Settings, *arguments: str, given: str = "") -> dict[str, Any]:
    """What the panel's part answers. Where it could not, it said why itself, and its exit code is ours."""
    done = as_panel_user(settings, arguments, given=given)
    if done.returncode:
        sys.exit(done.returncode)
    return dict(json.loads(done.stdout))


def _own_key(path: Path) -> Path:
    """The operator's key file, with ``~`` as the shell would read it. Raises BadParameter if there is none."""
    whole = path.expanduser()
    if not whole.is_file():
        raise click.BadParameter(f"there is no file {path}", param_hint="--operator-key")
    return whole
