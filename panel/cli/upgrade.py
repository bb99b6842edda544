"""``cis nodes upgrade`` and ``cis nodes rollback-agent``: other programs for agents, with the operator's own key.

Like enrolment: the operator's part runs as whoever called, the panel's part (``cis nodes attend``) never sees the key.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from config import Settings
from panel.cli.attendance import Attended, PanelRefused, attended
from panel.cli.operators import operator_options
from panel.cli.output import as_json, confirm, print_json, say
from panel.cli.privileges import as_panel_user
from panel.cli.references import find_node
from panel.cli.session import with_panel
from panel.cli.settings import load_settings
from panel.kernel.access import Actor, require
from panel.ledger.nodes import list_nodes
from provisioning import upgrade as hosts
from provisioning.operator_session import EnrolmentFailed, OperatorLogin, built_program
from provisioning.ssh import HostKey, SshError


@dataclass(frozen=True)
class _Program:
    """This panel's agent program and who brings it."""

    path: Path
    digest: str
    operator: OperatorLogin


@click.command()
@click.argument("nodes", nargs=-1, metavar="[NODE]…")
@click.option("--all", "all_", is_flag=True, help="All nodes.")
@operator_options
@click.option(
    "--stage",
    "stages",
    default="1,10,all",
    show_default=True,
    help="How many nodes are done when it stops to ask, separated by commas.",
)
@click.option("--yes", is_flag=True, help="Go on from stage to stage without asking.")
@as_json
def upgrade(
    nodes: tuple[str, ...], *, all_: bool, operator_user: str, operator_key: Path, stages: str, yes: bool, json_: bool
) -> None:
    """Give the agents of NODEs this panel's own program, a few at first.

    Each is looked at from outside before and after; at the first that is not well it stops and puts that node's
    earlier program back.
    """
    if bool(nodes) == all_:
        raise click.UsageError("name nodes, or say --all")
    settings = load_settings()
    names = _names(settings, nodes)
    with built_program() as (path, digest):
        program = _Program(path, digest, OperatorLogin(operator_user, operator_key))
        say(f"Program {digest[:12]} for {len(names)} nodes")
        done: list[dict[str, Any]] = []
        try:
            _roll_out(settings, names, program, _read_stages(stages, len(names)), done, ask=not yes)
        finally:
            if json_:
                print_json({"program": digest[:12], "nodes": done, "not": names[len(done) :]})


@click.command("rollback-agent")
@click.argument("node")
@operator_options
@as_json
def rollback_agent(node: str, *, operator_user: str, operator_key: Path, json_: bool) -> None:
    """Put the program back that NODE's agent had before the last upgrade."""
    settings = load_settings()
    operator = OperatorLogin(operator_user, operator_key)
    with built_program() as (path, digest), attended(settings, node) as held:
        seen = held.look_before()
        try:
            done = hosts.put_back(
                *_place(held), operator=operator, program=path, progress=lambda line: say(f"  {line}")
            )
            again = held.accept(done.program, "rollback")
        except (SshError, EnrolmentFailed, PanelRefused) as error:
            raise click.ClickException(str(error)) from error
    say(f"{node} runs {done.program} again, {again} of {seen} resources seen from outside as before")
    if done.program == digest[:12]:
        say("That is this panel's own program.")
    if json_:
        print_json({"name": node, "program": done.program, "seen_before": seen, "seen": again})


@click.command("names", hidden=True)
@click.argument("nodes", nargs=-1)
@with_panel
def names_(actor: Actor, /, *, nodes: tuple[str, ...]) -> None:
    """Print the names of NODES, or of all nodes: what the operator's part goes through."""
    require(actor, "nodes:write", staff=True)
    print_json([find_node(actor, node).name for node in nodes] or [node.name for node in list_nodes(actor)])


def _names(settings: Settings, nodes: Sequence[str]) -> list[str]:
    done = as_panel_user(settings, ("nodes", "names", *nodes))
    if done.returncode:
        sys.exit(done.returncode)
    return list(json.loads(done.stdout))


def _read_stages(text: str, count: int) -> list[int]:
    """How many nodes are done at the end of each stage; the last is all of them."""
    try:
        ends = [count if part.strip() == "all" else int(part) for part in text.split(",")]
    except ValueError as error:
        raise click.BadParameter("numbers and *all*, as in 1,10,all", param_hint="--stage") from error
    if any(end < 1 for end in ends) or sorted(ends[:-1]) != ends[:-1]:
        raise click.BadParameter("growing numbers", param_hint="--stage")
    return sorted({min(end, count) for end in ends})


def _roll_out(
    settings: Settings,
    names: Sequence[str],
    program: _Program,
    ends: Sequence[int],
    done: list[dict[str, Any]],
    *,
    ask: bool,
) -> None:
    """Go from stage to stage; what became of each node is added to ``done``."""
    for end in ends:
        if done and ask:
            confirm(f"{len(done)} of {len(names)} are done and well. Go on with {end - len(done)} more?")
        for name in names[len(done) : end]:
            done.append(_upgrade_or_stop(settings, name, program, len(done), len(names)))
    left = f"; not: {', '.join(names[len(done) :])}" if names[len(done) :] else ""
    say(f"{len(done)} of {len(names)} nodes run {program.digest[:12]}{left}")


def _upgrade_or_stop(settings: Settings, name: str, program: _Program, done: int, count: int) -> dict[str, Any]:
    try:
        return _upgrade_one(settings, name, program)
    except (SshError, EnrolmentFailed, PanelRefused) as error:
        click.echo(f"{name}: {error}", err=True)
        raise click.ClickException(f"stopped at {name}; {done} of {count} are done, the rest is as it was") from error


def _upgrade_one(settings: Settings, name: str, program: _Program) -> dict[str, Any]:
    with attended(settings, name) as held:
        before = held.look_before()
        seen: list[int] = []
        hosts.upgrade(
            *_place(held),
            operator=program.operator,
            program=program.path,
            digest=program.digest,
            progress=lambda line: say(f"  {line}"),
            accept=lambda: seen.append(held.accept(program.digest[:12], "upgrade")),
        )
    say(f"{name} runs {program.digest[:12]}, {seen[0]} of {before} resources seen from outside as before")
    return {"name": name, "seen_before": before, "seen": seen[0]}


def _place(held: Attended) -> tuple[str, int, HostKey]:
    kind, _, key = held.facts["host_key"].partition(" ")
    return held.facts["address"], held.facts["ssh_port"], HostKey(kind, key)
