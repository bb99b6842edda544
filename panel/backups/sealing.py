"""Sealing by age(1): to public keys when a backup is made, opened by an identity's file when it is read."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

SECONDS = 3600.0
_RECIPIENT = re.compile(r"age1[0-9a-z]{58}|ssh-(?:ed25519|rsa) [A-Za-z0-9+/=]+(?: [\x20-\x7e]*)?")


class SealingFailed(Exception):
    """age could not seal or open; it has said why on the terminal."""


def check_recipients(recipients: Sequence[str]) -> list[str]:
    """Return ``recipients`` if each is a public key of age or SSH. Raises SealingFailed."""
    if not recipients:
        raise SealingFailed("nobody to seal it for: name a public key (age1… or ssh-ed25519 …)")
    for recipient in recipients:
        if not _RECIPIENT.fullmatch(recipient):
            raise SealingFailed(f"{recipient[:20]!r} is no public key (age1… or ssh-ed25519 …)")
    return list(recipients)


@contextmanager
def sealed(path: Path, recipients: Sequence[str]) -> Iterator[IO[bytes]]:
    """What is written here is sealed into ``path``, which appears whole at the end or not at all. Raises SealingFailed.

    Only sealed bytes reach the disk.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    argv = ["age", "--encrypt", *(part for recipient in check_recipients(recipients) for part in ("-r", recipient))]
    try:
        with open(draft, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=file) as age:
                yield _input(age)
                _end(age, "sealed")
            os.fsync(file.fileno())
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def opened(path: Path, identity: Path) -> Iterator[IO[bytes]]:
    """The unsealed bytes of ``path``. Raises SealingFailed where the identity is none of its recipients.

    That all was read and authentic is certain only at the end of the block.
    """
    argv = ["age", "--decrypt", "-i", str(identity), str(path.absolute())]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as age:
        if age.stdout is None:
            raise SealingFailed("age gave no output")
        yield age.stdout
        while age.stdout.read(65_536):  # tar leaves padding behind; age checks the last of its chunks too
            pass
        if age.wait(SECONDS):
            raise SealingFailed(f"{path} could not be opened")


def digest_of(path: Path) -> str:
    """SHA-256, hex, of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _input(age: subprocess.Popen[bytes]) -> IO[bytes]:
    if age.stdin is None:
        raise SealingFailed("age takes no input")
    return age.stdin


def _end(age: subprocess.Popen[bytes], what: str) -> None:
    _input(age).close()
    if age.wait(SECONDS):
        raise SealingFailed(f"nothing was {what}")
