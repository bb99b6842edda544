"""``cis backup``: the panel's own data, sealed into one file.

The operator's part runs as whoever called: it seals and writes the file. The panel's part reads the data as the panel's
user, in a program of its own that never sees where the file goes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import click

from config import Settings
from panel.backups.checking import verify as verify_backup
from panel.backups.contents import BackupBroken, Contents, read_backup
from panel.backups.databases import DumpFailed
from panel.backups.making import write_backup
from panel.backups.sealing import SealingFailed, digest_of, opened, sealed
from panel.cli.output import as_json, print_one
from panel.cli.privileges import become_panel_user, pipe_as_panel_user
from panel.cli.settings import load_settings
from panel.kernel.db import utcnow

SECONDS = 3600.0
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

identity_option = click.option(
    "--identity", required=True, type=_FILE, help="File with the private key, of age or SSH."
)


@click.group(invoke_without_command=True)
@click.option("--to", "folder", type=_FOLDER, help="Folder for the file.")
@click.option(
    "--recipient",
    "recipients",
    multiple=True,
    help="Public key to seal it for; repeatable.  [default: CIS_BACKUP_RECIPIENT]",
)
@as_json
@click.pass_context
def backup(context: click.Context, /, *, folder: Path | None, recipients: tuple[str, ...], json_: bool) -> None:
    """Back the panel up: `cis backup --to DIR --recipient KEY` writes all of it into one file, sealed for KEY.

    Database, keys, attachments and settings. Whoever has a private key to it has everything; keep that elsewhere.
    """
    if context.invoked_subcommand is not None:
        return
    if folder is None:
        raise click.UsageError("say where to: --to DIR")
    settings = load_settings()
    path = folder / f"cis-panel-{utcnow():%Y%m%dT%H%M%SZ}.tar.age"
    try:
        with sealed(path, recipients or _recipients(settings)) as stream:
            contents = _from_panel(settings, stream)
    except (SealingFailed, BackupBroken, OSError) as error:
        raise click.ClickException(f"no backup was made: {error}") from error
    print_one({"file": str(path), "digest": digest_of(path)} | summary(contents), json_=json_)
    if contents.left_out:
        click.echo(f"not in it, since the panel's user may not read it: {', '.join(contents.left_out)}", err=True)


@backup.command()
@click.argument("file", type=_FILE)
@identity_option
@as_json
def verify(*, file: Path, identity: Path, json_: bool) -> None:
    """Read the backup FILE whole, compare what is in it with its list, and open its database; nothing is written."""
    try:
        with opened(file, identity) as stream:
            contents = verify_backup(stream)
    except (SealingFailed, BackupBroken) as error:
        raise click.ClickException(f"this is no good backup: {error}") from error
    print_one({"file": str(file), "digest": digest_of(file)} | summary(contents), json_=json_)


@backup.command(hidden=True)
def write() -> None:
    """Write a backup, unsealed, to standard output: the panel's part of `cis backup`."""
    if sys.stdout.isatty():
        raise click.UsageError("a backup is nothing for a terminal")
    settings = load_settings()
    become_panel_user(settings)
    try:
        write_backup(settings, os.environ, sys.stdout.buffer)
    except DumpFailed as error:
        raise click.ClickException(str(error)) from error


def summary(contents: Contents) -> dict[str, Any]:
    """What stands in a backup, for people and programs."""
    return {
        "made_at": contents.made_at,
        "database": contents.database,
        "schema": contents.schema,
        "counts": dict(contents.counts),
        "files": contents.files(),
        "left_out": list(contents.left_out),
        "bytes": contents.bytes,
    }


def _recipients(settings: Settings) -> list[str]:
    return [one.strip() for one in settings.backup_recipient.split(",") if one.strip()]


def _from_panel(settings: Settings, stream: IO[bytes]) -> Contents:
    """Hand over what the panel's part writes, and read it in passing. Raises BackupBroken where it is not whole."""
    with pipe_as_panel_user(settings, ["backup", "write"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as program:
        if program.stdout is None:
            raise BackupBroken("the panel's part gave no output")
        passing = _Passing(program.stdout, stream)
        try:
            contents = read_backup(passing, _Nobody())  # type: ignore[arg-type]  # all that tarfile calls is read
            while passing.read(65_536):
                pass
        except BaseException:
            program.kill()
            raise
        if program.wait(SECONDS):
            raise BackupBroken("the panel's part failed")
    return contents


class _Passing:
    """What is read from one stream goes to another."""

    def __init__(self, source: IO[bytes], target: IO[bytes]) -> None:
        self._source, self._target = source, target

    def read(self, size: int) -> bytes:
        """Read, and pass on."""
        data = self._source.read(size)
        self._target.write(data)
        return data


class _Nobody:
    """Takes everything and keeps nothing."""

    def database(self, part: bytes) -> None:
        """Its digest was taken already."""

    def file(self, name: str, mode: int, data: bytes) -> None:
        """The same."""

    def settings(self, environment: Any) -> None:
        """The same."""
