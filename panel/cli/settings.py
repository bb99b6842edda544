"""Which panel the command line works on."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from config import Settings, SettingsError

ROOT = Path(__file__).resolve().parents[2]
_LAB = ROOT / "var/lab.json"


def load_settings() -> Settings:
    """The settings from the environment; where it names no panel, those of this checkout's lab, if there is one.

    What was chosen is put into the environment, for programs started from here. Raises click.UsageError.
    """
    if "CIS_DATA_DIR" not in os.environ and "CIS_DATABASE_URL" not in os.environ:
        os.environ.update(_lab_environment())
    try:
        return Settings.from_environment()
    except SettingsError as error:
        raise click.UsageError(str(error)) from error


def _lab_environment() -> dict[str, str]:
    """Empty unless this checkout's lab was run, and by somebody who may read its secrets."""
    try:
        url = str(json.loads(_LAB.read_text())["panel_url"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    data_dir = ROOT / "var/panel/main"
    return {
        "CIS_ENV": "lab",
        "CIS_DATA_DIR": str(data_dir),
        "CIS_PUBLIC_URL": url,
        "CIS_SECURE_COOKIES": "0",
    }
