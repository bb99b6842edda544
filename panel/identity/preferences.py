"""What users choose for themselves."""

from __future__ import annotations

import uuid

from sqlalchemy import update

from panel.identity.models import User
from panel.kernel.db import db, unit_of_work


def set_language(user_id: uuid.UUID, language: str) -> None:
    """Keep the language in which ``user_id`` reads pages and messages."""
    with unit_of_work():
        db.session.execute(update(User).where(User.id == user_id).values(language=language))
