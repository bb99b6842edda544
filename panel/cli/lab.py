"""`cis lab`: hosts on this machine. The only commands that run as root; they load no application."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

import click

from provisioning.lab import WHOLE_FLEET, Lab, LabError

ROOT = Path(__file__).resolve().parents[2]
P = ParamSpec("P")


def _explained(command: Callable[P, None]) -> Callable[P, None]:
    """Turn what the lab cannot do into one line and exit code 1."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except LabError as error:
            raise click.ClickException(str(error)) from error

    return wrapper


@click.group()
@click.option("--name", default="main", show_default=True, help="Which of this checkout's labs.")
@click.pass_context
def lab(context: click.Context, name: str) -> None:
    """Hosts on this machine, in namespaces: a fleet to try the panel on. Needs root."""
    context.obj = Lab(ROOT, name, fleet=WHOLE_FLEET, progress=click.echo)


@lab.command()
@click.pass_obj
@_explained
def up(the_lab: Lab) -> None:
    """Boot all hosts; what they held before is still there."""
    the_lab.up()
    _print_status(the_lab)


@lab.command()
@click.pass_obj
@_explained
def down(the_lab: Lab) -> None:
    """Stop all hosts of this lab. Their data stays."""
    the_lab.down()


@lab.command()
@click.confirmation_option(prompt="Delete all that the hosts of this lab hold?")
@click.pass_obj
@_explained
def destroy(the_lab: Lab) -> None:
    """Stop all hosts of this lab and delete what they hold, so that the next `up` makes them anew."""
    the_lab.destroy()


@lab.command()
@click.pass_obj
@_explained
def status(the_lab: Lab) -> None:
    """Show each host, whether it runs, and its address. Exit code 1 if one does not run."""
    _print_status(the_lab)
    if not all(the_lab.status().values()):
        raise SystemExit(1)


@lab.command()
@click.argument("node")
@click.pass_obj
@_explained
def shell(the_lab: Lab, node: str) -> None:
    """Open a root shell on NODE."""
    sys.exit(the_lab.shell(node))


@lab.command(name="exec", context_settings={"ignore_unknown_options": True})
@click.argument("node")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
@_explained
def exec_(the_lab: Lab, node: str, command: tuple[str, ...]) -> None:
    """Run COMMAND as root on NODE and exit with its code."""
    sys.exit(the_lab.run(node, list(command)))


def _print_status(the_lab: Lab) -> None:
    state = the_lab.state()
    for name, running in the_lab.status().items():
        node = state.nodes[name]
        word = "running" if running else "down"
        click.echo(f"{name}\t{word}\t{node.address}:{node.ssh_port}\t{','.join(node.roles)}")


if __name__ == "__main__":
    lab()
