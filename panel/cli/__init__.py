"""The command line: the same actions as the pages and the API, for whoever may open the panel's database.

Belongs here: reading arguments and files, asking, printing. Every rule is in the actions. ``lab`` and ``run`` are for
root on a developer's machine and load no application.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

from panel.cli.exit_codes import EPILOG, exit_codes

AREAS: Mapping[str, str] = {
    "alarms": "panel.cli.alarms:alarms",
    "audit": "panel.cli.audit:audit",
    "backup": "panel.cli.backup:backup",
    "completion": "panel.cli.completion:completion",
    "contracts": "panel.cli.contracts:contracts",
    "db": "panel.cli.database:db",
    "demo": "panel.cli.demo:demo",
    "domains": "panel.cli.domains:domains",
    "drift": "panel.cli.drift:drift",
    "entitlements": "panel.cli.entitlements:entitlements",
    "events": "panel.cli.events:events",
    "import": "panel.cli.imports:imports",
    "invitations": "panel.cli.invitations:invitations",
    "jobs": "panel.cli.jobs:jobs",
    "lab": "panel.cli.lab:lab",
    "limits": "panel.cli.limits:limits",
    "mailboxes": "panel.cli.mailboxes:mailboxes",
    "members": "panel.cli.members:members",
    "nodes": "panel.cli.nodes:nodes",
    "notices": "panel.cli.notices:notices",
    "orders": "panel.cli.orders:orders",
    "providers": "panel.cli.providers:providers",
    "restore": "panel.cli.restore:restore",
    "run": "panel.cli.run:run",
    "search": "panel.cli.search:search_",
    "step-ins": "panel.cli.step_ins:step_ins",
    "services": "panel.cli.services:services",
    "tokens": "panel.cli.tokens:tokens",
    "top": "panel.cli.top:top",
    "users": "panel.cli.users:users",
    "webhooks": "panel.cli.webhooks:webhooks",
    "worker": "panel.cli.worker:worker",
    "zones": "panel.cli.zones:zones",
}


class Areas(click.Group):
    """A group that loads an area when it is asked for: the lab's commands need no application, and start at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click hands it over
        """All areas by name."""
        return sorted(AREAS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click hands it over
        cmd_name: str,
    ) -> click.Command | None:
        """The area ``cmd_name``, None where there is none."""
        place = AREAS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(import_module(module), name)
        _say_exit_codes(command)
        return command


def _say_exit_codes(command: click.Command) -> None:
    """Have the help of every command tell how it ends."""
    command.epilog = command.epilog or EPILOG
    for one in command.commands.values() if isinstance(command, click.Group) else ():
        _say_exit_codes(one)


@click.group(
    cls=Areas,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=exit_codes(),
)
def cis() -> None:
    """CIS Panel on the command line."""
