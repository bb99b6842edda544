"""What people choose to be told of, and when: at once, with the day's digest, or not at all."""

from __future__ import annotations

import uuid

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from panel.kernel.db import Base, db, insert_unless_there, unit_of_work
from panel.kernel.errors import Invalid

SECURITY = "security"
TOPICS = (SECURITY, "contracts", "orders", "mail")
CHOICES = ("now", "daily", "none")
_TOPIC_OF = {
    "contract": "contracts",
    "contracts": "contracts",
    "grade": "contracts",
    "order": "orders",
    "orders": "orders",
    "mailbox": "mail",
    "mail": "mail",
    "name": "mail",
}
"""Beginning of a notice's code → its topic. All others are about security: they go at once and cannot be refused."""
_SECURITY_TOO = frozenset({"mailbox:handed_over"})
_NOT_NONE = frozenset({"contracts"})
"""What may be told once a day, but not never: services are held back after it was told."""


class Preference(Base):
    """How ``user_id`` is told of a topic; without a row: at once."""

    __tablename__ = "notice_preferences"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    topic: Mapped[str] = mapped_column(primary_key=True)
    choice: Mapped[str]


def topic_of(code: str) -> str:
    """The topic of the notice ``code``."""
    return SECURITY if code in _SECURITY_TOO else _TOPIC_OF.get(code.partition(":")[0], SECURITY)


def choices_of(topic: str) -> tuple[str, ...]:
    """What can be chosen for a topic."""
    if topic == SECURITY:
        return CHOICES[:1]
    return CHOICES[:2] if topic in _NOT_NONE else CHOICES


def preferences_of(user_id: uuid.UUID) -> dict[str, str]:
    """How a user is told of each topic."""
    found = db.session.scalars(select(Preference).where(Preference.user_id == user_id))
    return dict.fromkeys(TOPICS, "now") | {one.topic: one.choice for one in found}


def set_preferences(user_id: uuid.UUID, **choices: str) -> None:
    """Keep what a user chose for topics. Raises Invalid naming the topic; security is no matter of choice."""
    for topic, choice in choices.items():
        if topic not in TOPICS or choice not in choices_of(topic):
            raise Invalid("choice", field=topic, choices=", ".join(choices_of(topic)))
    with unit_of_work():
        for topic, choice in choices.items():
            row = insert_unless_there(Preference).values(user_id=user_id, topic=topic, choice=choice)
            same = [Preference.user_id, Preference.topic]
            db.session.execute(row.on_conflict_do_update(index_elements=same, set_={"choice": choice}))
