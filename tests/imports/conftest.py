from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from panel.identity.actions import actor_for_user, create_user, ensure_roles
from panel.identity.models import User
from panel.kernel.access import SYSTEM, Actor
from panel.members.models import Member
from tests.worlds import World, small_world


@dataclass
class People:
    """A world with people whose rights last as long as their rows do: the association's, and one member's."""

    world: World
    staff: User
    clerk: User

    @property
    def admin(self) -> Actor:
        """The association's administrator."""
        return actor_for_user(self.staff)

    @property
    def anna(self) -> Actor:
        """Kościan's."""
        return actor_for_user(self.clerk)


@pytest.fixture
def people(tmp_path: Path, database_url: str) -> Iterator[People]:
    with small_world(tmp_path, database_url=database_url) as world:
        ensure_roles()
        yield People(world, _user("admin", "association_admin", None), _user("anna", "member_admin", world.koscian))


def _user(name: str, role: str, member: Member | None) -> User:
    member_id = None if member is None else member.id
    return create_user(
        SYSTEM, email=f"{name}@example.test", name=name, password_hash=None, role=role, member_id=member_id
    )
