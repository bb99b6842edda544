"""Values from options and files: days, TOML and JSON."""

from __future__ import annotations

import json
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import click


class Day(click.ParamType[date]):
    """A day as 2026-11-23."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """``value`` as a date; anything else is used wrongly."""
        try:
            return value if isinstance(value, date) else date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day such as 2026-11-23", param, ctx)


def read_table(path: Path) -> dict[str, Any]:
    """The object in a file, TOML by its ending, else JSON. Raises click.UsageError where it holds none."""
    try:
        text = path.read_text(encoding="utf-8")
        found = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{path}: {error}") from error
    if not isinstance(found, dict):
        raise click.UsageError(f"{path}: an object is expected")
    return found


def days(values: dict[str, Any]) -> dict[str, Any]:
    """``values`` with text in fields named ``…_on`` as days; what is no day stays, for the action to refuse."""
    return {
        name: _day(value) if name.endswith("_on") and isinstance(value, str) else value
        for name, value in values.items()
    }


def _day(text: str) -> date | str:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text
