"""Private servers for tests: a PostgreSQL cluster and a Redis of our own, in temporary folders, gone afterwards."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import redis
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier, Literal

UNPRIVILEGED = "postgres"
"""Who runs the servers where the tests run as root; PostgreSQL refuses to be root."""

GUEST = "cis"
"""Who comes over the network, with a password."""

START_SECONDS = 30.0
YOUNG_SECONDS = 60.0
"""A folder so young may be about to be held."""

_MEMORY, _MEMORY_LEAST = Path("/dev/shm"), 2**30  # noqa: S108 - the kernel's file system in memory
_CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
"""What may be lost when the machine loses power: everything; the tests make it anew."""

_UNLIKE = {"timezone": "Europe/Warsaw"}
"""What a server may have otherwise than we would; nothing of ours may depend on it."""


@dataclass(frozen=True)
class Cluster:
    """A running PostgreSQL, reached by the socket in ``folder``, and by ``address`` and ``port`` where it listens."""

    folder: Path
    address: str = ""
    port: int = 0
    password: str = field(default="", repr=False)
    _numbers: Iterator[int] = field(default_factory=count)

    def url(self, name: str) -> str:
        """The address of database ``name`` as SQLAlchemy takes it."""
        port = f"&port={self.port}" if self.address else ""
        return f"postgresql+psycopg://{UNPRIVILEGED}@/{name}?host={self.folder}{port}"

    def network_url(self, name: str) -> str:
        """The address of database ``name`` over the network, with a password."""
        return f"postgresql+psycopg://{GUEST}:{self.password}@{self.address}:{self.port}/{name}"

    def let_guest_in(self) -> None:
        """Make the role that comes over the network."""
        self.run(SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD {}").format(Identifier(GUEST), Literal(self.password)))

    @contextmanager
    def database(self, *, template: str = "template1") -> Iterator[str]:
        """Make a database, a copy of ``template``; yield its name, drop it at the end with whoever is still in it."""
        name = f"test_{next(self._numbers)}"
        self.run(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template)))
        yield name
        self.run(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))

    def run(self, statement: SQL | psycopg.sql.Composed) -> None:
        """Run one statement as the cluster's administrator, outside any database of a test."""
        where = {"port": str(self.port)} if self.address else {}
        server = make_conninfo(host=str(self.folder), user=UNPRIVILEGED, dbname="postgres", **where)
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def postgresql(*, address: str = "") -> Iterator[Cluster]:
    """Run a cluster with the letters' order that the documentation asks for; ``address``: listen there too."""
    programs = _postgresql_programs()
    with ExitStack() as stack:
        folder = stack.enter_context(_folder("cis-postgresql-"))
        made = [str(programs / "initdb"), "-D", str(folder / "data"), "--username", UNPRIVILEGED, "--no-sync"]
        subprocess.run(
            _unprivileged([*made, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]),
            check=True,
            timeout=START_SECONDS,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        port = _free_port(address) if address else 5432
        settings = _CARELESS | _UNLIKE | {"listen_addresses": address, "unix_socket_directories": str(folder)}
        settings |= {"port": str(port)} if address else {}
        if address:
            with (folder / "data/pg_hba.conf").open("a") as rules:
                rules.write("host all all all scram-sha-256\n")
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        stack.enter_context(_server(folder, [str(programs / "postgres"), "-D", str(folder / "data"), *options]))
        cluster = Cluster(folder, address, port, secrets.token_urlsafe(16))
        _wait(lambda: cluster.run(SQL("SELECT 1")), psycopg.OperationalError, folder)
        yield cluster


@contextmanager
def redis_server(*, address: str = "") -> Iterator[str]:
    """Run a Redis that keeps nothing; yield its URL. ``address``: listen there, with a password."""
    with ExitStack() as stack:
        folder = stack.enter_context(_folder("cis-redis-"))
        place = folder / "socket"
        port, password = (_free_port(address) if address else 0), secrets.token_urlsafe(16)
        rules = [f"port {port}", f"unixsocket {place}", 'save ""', f"dir {folder}"]
        rules += [f"bind {address}", f"requirepass {password}"] if address else []
        (folder / "redis.conf").write_text("\n".join(rules) + "\n")
        stack.enter_context(_server(folder, ["redis-server", str(folder / "redis.conf")]))
        with redis.Redis(unix_socket_path=str(place), password=password if address else None) as client:
            _wait(client.ping, redis.ConnectionError, folder)
        yield f"redis://:{password}@{address}:{port}/0" if address else f"unix://{place}?db=0"


@contextmanager
def named(zones: Mapping[str, str], *, key: tuple[str, str] | None = None) -> Iterator[int]:
    """Run a BIND on 127.0.0.1 that serves ``zones`` (name → zone file) and gives them away whole; yield its port.

    ``key``: name and secret (base64) of the HMAC-SHA256 key without which it gives nothing away.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(_folder("cis-named-"))
        port = _free_port("127.0.0.1")
        (folder / "named.conf").write_text(_named_rules(folder, port, zones, key))
        for number, text in enumerate(zones.values()):
            (folder / f"{number}.zone").write_text(text)
        stack.enter_context(_server(folder, ["named", "-g", "-n", "1", "-c", str(folder / "named.conf")]))
        _wait(lambda: socket.create_connection(("127.0.0.1", port), 1).close(), OSError, folder)
        yield port


def _named_rules(folder: Path, port: int, zones: Mapping[str, str], key: tuple[str, str] | None) -> str:
    to_whom = f"key {key[0]}" if key else "127.0.0.1"
    own = f'key {key[0]} {{ algorithm hmac-sha256; secret "{key[1]}"; }};' if key else ""
    every = "".join(
        f'zone "{name}" {{ type primary; file "{folder}/{number}.zone"; check-names ignore; }};\n'
        for number, name in enumerate(zones)
    )
    return f"""{own}
options {{
    directory "{folder}"; pid-file none; session-keyfile none; lock-file none;
    listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
    recursion no; notify no; dnssec-validation no; empty-zones-enable no;
    allow-transfer {{ {to_whom}; }};
}};
controls {{ }};
{every}"""


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


def _postgresql_programs() -> Path:
    """Debian keeps each major version's programs in a folder of its own, outside PATH; the newest is taken."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise RuntimeError("PostgreSQL's programs are missing: run .ci/set-up, or install Debian's package postgresql")
    return found[-1].parent


@contextmanager
def _folder(prefix: str) -> Iterator[Path]:
    """A folder of the unprivileged user, whom pytest's own folders do not let in."""
    place = _fast_place()
    _clear_after_the_dead(place, prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        if os.geteuid() == 0:
            shutil.chown(folder, UNPRIVILEGED, UNPRIVILEGED)
        yield folder
    finally:
        shutil.rmtree(folder)
        os.close(held)


def _fast_place() -> Path:
    """Memory where there is enough of it (a database is made in 50 ms, not in 400), else where temporary files go."""
    enough = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _MEMORY_LEAST
    return _MEMORY if enough else Path(tempfile.gettempdir())


def _clear_after_the_dead(place: Path, prefix: str) -> None:
    """Remove what tests left behind that were killed and could not clear up: folders that nobody holds any more.

    Process numbers would not tell: tests in another container may share the place and not the numbers.
    """
    for folder in place.glob(f"{prefix}*"):
        with suppress(OSError):  # held by its owner, or just cleared by somebody else
            held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if time.time() - folder.stat().st_mtime > YOUNG_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(held)


@contextmanager
def _server(folder: Path, argv: Sequence[str]) -> Iterator[None]:
    """Run a server in the foreground; it also ends when the tests are killed."""
    log = (folder / "log").open("wb")
    with log, subprocess.Popen(_unprivileged(argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log) as server:
        try:
            yield
        finally:
            server.terminate()
            try:
                server.wait(START_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
                raise


def _unprivileged(argv: Sequence[str]) -> list[str]:
    user = ["--reuid", UNPRIVILEGED, "--regid", UNPRIVILEGED, "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *user, "--pdeathsig", "INT", *argv]


def _wait(ready: Callable[[], object], not_yet: type[Exception], folder: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            ready()
            return
        except not_yet:
            if time.monotonic() > until:
                raise RuntimeError((folder / "log").read_text(errors="replace")) from None
            time.sleep(0.05)
