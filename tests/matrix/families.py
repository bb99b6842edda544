"""Two families of members, each with one of everything, and everybody who may ask about it.

Around the school on which most people hold their role lie its branch below, its county above, and another family's
school. Every name in a place carries the place's word, so that an answer that tells of a place can be told by it.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from flask import current_app
from jinja2 import ChoiceLoader, DictLoader
from sqlalchemy import insert, select

from panel import api, web
from panel.identity.actions import create_user, ensure_roles
from panel.identity.models import Grant, Role, User
from panel.identity.second_factor import new_totp
from panel.identity.sessions import open_session
from panel.kernel.access import PERMISSIONS, ROLES, SYSTEM
from panel.kernel.db import db, new_id, unit_of_work, utcnow
from panel.members.actions import create_member
from panel.members.models import Member
from tests.dns.worlds import name_server
from tests.matrix.rows import MAKERS, NOTED, OF_NOBODY, add_token
from tests.web.site import Browser
from tests.worlds import World, grant, small_world

WORDS = {"own": "brzoza", "below": "klon", "above": "jesion", "foreign": "sosna"}
"""Places, and the word that every name there carries."""

REACH = {"own": frozenset({"own", "below"}), "foreign": frozenset({"foreign"})}
"""What a role held on a place reaches."""


@dataclass(frozen=True)
class Asker:
    """Somebody who asks. ``held``: roles by place; place None: on the whole association."""

    name: str
    held: tuple[tuple[str, str | None], ...]
    uniquifier: str | None = None
    cookie: str | None = None
    secret: str | None = None

    def may(self, permission: str, place: str) -> bool:
        """Whether ``permission`` is held at ``place``."""
        return any(
            permission in ROLES[role] & PERMISSIONS and (on is None or place in REACH[on]) for role, on in self.held
        )

    def may_everywhere(self, permission: str) -> bool:
        """Whether ``permission`` is held on the whole association."""
        return any(permission in ROLES[role] & PERMISSIONS and on is None for role, on in self.held)

    def may_somewhere(self, permission: str) -> bool:
        """Whether ``permission`` is held anywhere."""
        return any(permission in ROLES[role] & PERMISSIONS for role, _on in self.held)

    def reaches(self, place: str) -> bool:
        """Whether rows of ``place`` are in reach of any role."""
        return any(on is None or place in REACH[on] for _role, on in self.held)


NOBODY = Asker("nobody", ())


@dataclass
class Families:
    """The world, its rows by kind and place, its people, and its database as it was at first."""

    world: World
    rows: dict[str, dict[str, uuid.UUID]]
    askers: list[Asker]
    _first: sqlite3.Connection
    _file: sqlite3.Connection

    def id_of(self, kind: str, place: str) -> uuid.UUID:
        """The row of ``kind`` at ``place``; for "absent" one that is nowhere, the same each time."""
        if place == "absent":
            return uuid.uuid5(uuid.NAMESPACE_OID, kind)
        assert kind in self.rows, f"tests/matrix/rows.py makes no {kind}: give it a function in MAKERS"
        return self.rows[kind]["own" if kind in OF_NOBODY else place]

    def version(self) -> int:
        """A number that changes when anything was written."""
        found: int = self._file.execute("PRAGMA data_version").fetchone()[0]
        return found

    def counts(self) -> dict[str, int]:
        """How many rows each table has."""
        return _counts(self._file)

    def counts_at_first(self) -> dict[str, int]:
        """How many it had."""
        return _counts(self._first)

    def put_back(self) -> None:
        """Have everything as it was at first."""
        self._first.backup(self._file)


@contextmanager
def families(folder: Path) -> Iterator[Families]:
    """Pages and API over the two families, in a SQLite file in ``folder``."""
    with small_world(folder) as world:
        web.register(world.app)
        api.register(world.app)
        world.app.test_client_class = Browser
        usual = world.app.jinja_env.loader
        assert usual is not None
        short = DictLoader({"errors/error.html": "{{ status }} {{ advice }}"})
        world.app.jinja_env.loader = ChoiceLoader([short, usual])  # most answers are refusals
        world.app.config["CIS"] = replace(world.app.config["CIS"], api_rate=10_000_000)
        ensure_roles()
        places = _members()
        rows: dict[str, dict[str, uuid.UUID]] = {"member": {place: member.id for place, member in places.items()}}
        rows["node"] = {"own": world.node.id}
        name_server("ns1", "dns_primary", "192.0.2.21")
        name_server("ns2", "dns_secondary", "192.0.2.22")
        for kind, make in MAKERS.items():
            rows[kind] = {place: make(member, WORDS[place], rows, place) for place, member in places.items()}
        askers = _askers(places)
        db.session.remove()
        file = sqlite3.connect(folder / "panel.sqlite", check_same_thread=False)
        first = sqlite3.connect(":memory:", check_same_thread=False)
        file.backup(first)
        yield Families(world, rows, askers, first, file)
        file.close()
        first.close()


def _members() -> dict[str, Member]:
    """County → school → branch, and a school of another family."""
    made: dict[str, Member] = {}
    for place, parent in (("above", None), ("own", "above"), ("below", "own"), ("foreign", None)):
        made[place] = create_member(
            SYSTEM, name=f"Drzewo {WORDS[place]}", kind="school", slug=f"slug-{WORDS[place]}",
            parent_id=made[parent].id if parent else None,
        )  # fmt: skip
        grant(made[place], mailboxes=100, mailbox_mb=1_000_000, zones=100)
    return made


def _askers(places: dict[str, Member]) -> list[Asker]:
    """Each role on the own school and on the whole association, somebody with two, and somebody with none."""
    held: dict[str, tuple[tuple[str, str | None], ...]] = {}
    for role in ROLES:
        held[f"{role} of one"] = ((role, "own"),)
        held[f"{role} of all"] = ((role, None),)
    held["reader here and administrator there"] = (("member_editor", "own"), ("member_admin", "foreign"))
    held["support here and provisioner there"] = (("support", "own"), ("provisioner", "foreign"))
    held["without any grant"] = ()
    return [_asker(number, name, roles, places) for number, (name, roles) in enumerate(held.items())]


def _asker(number: int, name: str, held: tuple[tuple[str, str | None], ...], places: dict[str, Member]) -> Asker:
    user = create_user(
        SYSTEM,
        email=f"asker{number}@asker.test",
        name=f"Asker {number}",
        password_hash=None,
        role="auditor",
        totp_secret=_totp(),
    )
    roles = {role.name: role.id for role in db.session.scalars(select(Role))}
    with unit_of_work():
        user.grants.clear()
        db.session.flush()
        for role, on in held:
            db.session.execute(
                insert(Grant).values(
                    id=new_id(),
                    user_id=user.id,
                    role_id=roles[role],
                    member_id=None if on is None else places[on].id,
                )
            )
    return Asker(name, held, user.fs_uniquifier, _open(user), add_token(user.id, "association_admin", "asker", None)[1])


def _totp() -> str:
    return new_totp(current_app.config["CIS"]).stored


def _open(user: User) -> str:
    """A session that stays fresh, never noted as seen anew: reading must not write."""
    opened = open_session(user, address="192.0.2.1", agent="tests", factors=["password", "totp"])
    with unit_of_work():
        opened.row.last_seen_at = opened.row.factor_at = opened.row.proven_at = utcnow() + timedelta(hours=1)
    return opened.secret


def _counts(connection: sqlite3.Connection) -> dict[str, int]:
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    names = [name for name in names if name not in NOTED]
    return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608 - names of our own tables
