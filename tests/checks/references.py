"""The parts of ``docs/reference`` that are made from the code: settings, the command line, roles, events, the API.

``python -m tests.checks.references`` tells which differ from the code; ``--write`` writes them again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextvars import Context
from dataclasses import MISSING, fields
from typing import Any

import click

from config import Settings
from panel.cli import cis
from panel.cli.exit_codes import exit_codes
from panel.kernel.access import HOLDER, PERMISSIONS, ROLES
from panel.wording.events import event_look, known_tags
from tests.checks import api_page, dns_page
from tests.checks.files import ROOT

FOLDER = ROOT / "docs" / "reference"
MADE = "<!-- Made from the code by `make references`; edit the code. -->\n\n"


def settings_page() -> str:
    """Describe every setting: its variable, default and meaning."""
    rows = [f"| `CIS_{item.name.upper()}` | {_default(item)} | {item.metadata['doc']} |" for item in fields(Settings)]
    intro = "The panel reads these variables from its environment once, at start. A value it cannot read stops it."
    table = "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows])
    return f"# Settings\n\n{MADE}{intro}\n\n{table}\n"


def command_page() -> str:
    """Describe every command of ``cis`` with its arguments and options."""
    intro = (
        "`.venv/bin/cis COMMAND` works on the panel that the [settings](settings.md) name; where they name none, on"
        " this checkout's lab. Whoever may open the panel's database may do everything with it: events name them as"
        " `cli:USER`. Root becomes the owner of the panel's data first.\n\n"
        f"{exit_codes()} Errors go to standard error and"
        " name the field; `--json` prints what the [API](api.md) would answer."
    )
    return "\n".join([f"# The command line\n\n{MADE}{intro}\n", *_commands(cis, "cis")])


def rights_page() -> str:
    """List every role with its permissions."""
    rows = [
        f"| `{permission}` | {' | '.join('yes' if permission in held else '' for held in ROLES.values())} |"
        for permission in sorted(PERMISSIONS - HOLDER)
    ]
    head = [f"| permission | {' | '.join(f'`{role}`' for role in ROLES)} |", f"|---|{'---|' * len(ROLES)}"]
    intro = (
        "What each role may do, on the member it is held on and all below it; how that works:"
        " [rights](../explanation/rights.md)."
    )
    return "\n".join([f"# Roles and permissions\n\n{MADE}{intro}\n", *head, *rows]) + "\n"


def events_page() -> str:
    """List every tag of the events, and what it says."""
    intro = (
        "What happened is recorded under one of these tags, and webhooks name their beginnings. `engine:` begins"
        " what the panel did to nodes by itself. How records are kept: [records](../explanation/records.md)."
    )
    rows = Context().run(_event_rows)  # whatever application, and so language, the caller is in
    return "\n".join([f"# Events\n\n{MADE}{intro}\n", "| tag | what happened |", "|---|---|", *rows]) + "\n"


def _event_rows() -> list[str]:
    return [f"| `{tag}` | {event_look(tag).word} |" for tag in sorted(known_tags())]


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "cli.md": command_page,
    "roles.md": rights_page,
    "events.md": events_page,
    "api.md": lambda: api_page.page(MADE),
    "dns-records.md": lambda: dns_page.page(MADE),
}


def main() -> int:
    """Compare or write the pages; return 1 if one differs."""
    stale = [name for name, page in PAGES.items() if _committed(name) != page()]
    if "--write" in sys.argv:
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name in stale:
            (FOLDER / name).write_text(PAGES[name](), encoding="utf-8")
        return 0
    for name in stale:
        print(f"docs/reference/{name}: differs from the code; run make references")
    return 1 if stale else 0


def _committed(name: str) -> str:
    path = FOLDER / name
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _default(item: Any) -> str:
    if item.default is MISSING or item.default == "":
        return "empty"
    if isinstance(item.default, tuple):
        return "`" + " ".join(str(part) for part in item.default) + "`"
    return f"`{int(item.default) if isinstance(item.default, bool) else item.default}`"


def _commands(command: click.Command, path: str) -> Iterator[str]:
    context = click.Context(command, info_name=path, terminal_width=100, max_content_width=100)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            if below := command.get_command(context, name):
                yield from _commands(below, f"{path} {name}")
    else:
        yield f"## {path}\n\n```text\n{command.get_help(context)}\n```\n"


if __name__ == "__main__":
    sys.exit(main())
