"""Modoboa's import of accounts: its own command, into its own database, which mail servers would read.

Counted is only the import. That Postfix and Dovecot find the accounts was not looked at, which is in Modoboa's favour.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.peers.node import DOMAIN, Account, clocked
from tests.servers import redis_server

SITE = "hosting"


@dataclass(frozen=True)
class Modoboa:
    """An installation of its own in ``folder``."""

    programs: Path
    folder: Path

    def run_import(self, wanted: list[Account]) -> float:
        """Import accounts, their passwords already hashed; return the seconds it took. Raises RuntimeError."""
        rows: list[tuple[str, ...]] = [
            ("account", one.address, f"{{SHA512-CRYPT}}{one.password_hash}", "Jan", "Nowak", "True", "SimpleUsers",
             one.address, str(one.quota_mb))
            for one in wanted
        ]  # fmt: skip
        return self._manage("modo", "import", self._table("accounts.csv", rows))

    def add_domain(self) -> None:
        """Make the mail domain that the accounts are in."""
        self._manage("modo", "import", self._table("domains.csv", [("domain", DOMAIN, "0", "0", "True")]))

    def deploy(self, redis_url: str) -> None:
        """Make the installation, as its manual says, on SQLite."""
        database = f"default:sqlite:///{self.folder / 'modoboa.sqlite'}"
        argv = [str(self.programs / "modoboa-admin.py"), "deploy", SITE, "--domain", "panel.test"]
        clocked([*argv, "--dburl", database, "--redisurl", redis_url], cwd=self.folder, env=self._own())

    def _manage(self, *words: str) -> float:
        argv = [str(self.programs / "python"), "manage.py", *words]
        return clocked(argv, cwd=self.folder / SITE, env=self._own())

    def _table(self, name: str, rows: list[tuple[str, ...]]) -> str:
        path = self.folder / name
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=";").writerows(rows)
        return str(path)

    def _own(self) -> dict[str, str]:
        return os.environ | {"PATH": f"{self.programs}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}


@contextmanager
def installed(programs: Path, folder: Path) -> Iterator[Modoboa]:
    """Deploy Modoboa beside a Redis of its own, as it demands; both end with it."""
    with redis_server() as redis_url:
        peer = Modoboa(programs, folder)
        peer.deploy(redis_url)
        peer.add_domain()
        yield peer
