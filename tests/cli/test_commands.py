"""Every command, taken from the groups: none may be forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from panel import cli
from panel.cli import AREAS, cis
from panel.cli.errors import EXIT_CODES
from panel.cli.exit_codes import EPILOG, EXIT_WORDS, exit_codes
from panel.kernel.errors import PanelError
from tests.cli.terminal import Terminal

_PART = "a part of another command, hidden: programs speak JSON, or nothing, with each other"
WITHOUT_JSON = {
    "audit anchor": "an anchor is JSON, to be kept as it is",
    "audit export": "lines of JSON",
    "demo zone": "what it tells is JSON, for cis run",
    "backup write": "the backup itself, for a pipe",
    "completion": "a script for the shell",
    "import report": "CSV",
    "nodes attend": _PART,
    "nodes backup-place": _PART,
    "nodes key": _PART,
    "nodes name-servers-known": _PART,
    "nodes names": _PART,
    "nodes record": _PART,
    "restore place": _PART,
    "run": "shows what it does until it is stopped",
    "worker": "works until it is stopped",
}
"""Commands that have no answer to give, or give it in a form of its own; and why."""


def area_of(name: str) -> click.Command:
    found = cis.get_command(click.Context(cis), name)
    assert found is not None
    return found


def within(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, one in command.commands.items():
            yield from within(one, f"{path} {name}")
    else:
        yield path, command


COMMANDS = pytest.mark.parametrize(
    ("path", "command"),
    [one for area in AREAS if area != "lab" for one in within(area_of(area), area)],
    ids=lambda value: value if isinstance(value, str) else "",
)


def test_all_areas_are_there_and_listed(standing: Terminal) -> None:
    shown = standing.run("--help").output
    assert all(area in shown for area in AREAS)


@COMMANDS
def test_a_command_says_what_it_does_and_can_speak_json(path: str, command: click.Command) -> None:
    assert command.help
    assert command.epilog == EPILOG, "its help tells how it ends"
    names = {name for option in command.params for name in option.opts}
    assert ("--json" in names) != (path in WITHOUT_JSON)


@COMMANDS
def test_no_secret_is_an_argument(path: str, command: click.Command) -> None:
    assert not {"--password", "--token", "--secret"} & {name for option in command.params for name in option.opts}


def test_every_exit_code_is_one_of_the_table_and_is_told() -> None:
    assert set(EXIT_CODES.values()) < set(EXIT_WORDS)
    assert list(EXIT_WORDS) == list(range(len(EXIT_WORDS)))
    assert cis.epilog == exit_codes()
    assert all(words in exit_codes() for words in EXIT_WORDS.values())


def test_no_command_ends_by_a_number_of_its_own() -> None:
    """Save ``lab``, which ends as what runs in the lab does."""
    numbers = re.compile(r"exit\(\s*\d+\s*\)")
    found = [path.name for path in Path(cli.__file__).parent.glob("*.py") if numbers.search(path.read_text())]
    assert set(found) <= {"run.py"}, "130: by a signal, as shells have it"


def test_each_kind_of_error_has_its_exit_code() -> None:
    assert set(EXIT_CODES) == set(PanelError.__subclasses__())
    assert len(set(EXIT_CODES.values())) == len(EXIT_CODES)
    assert not set(EXIT_CODES.values()) & {0, 1, 2}
