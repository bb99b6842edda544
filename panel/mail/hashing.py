"""Hashes of the passwords in one request."""

from __future__ import annotations

from collections.abc import Sequence

from panel.kernel.errors import Invalid
from panel.kernel.passwords import hash_mailbox_password

BATCH_PASSWORDS_MAX = 200
"""Hashing takes some 30 ms by intent: more at once would hold a request for minutes."""


def hashes_of(passwords: Sequence[str | None]) -> list[str | None]:
    """The hash of each password, None for none; call it before any lock is held.

    Raises Invalid ``password`` with the row at fault, or where there are too many.
    """
    if sum(password is not None for password in passwords) > BATCH_PASSWORDS_MAX:
        raise Invalid("passwords_many", field="password", most=BATCH_PASSWORDS_MAX)
    hashes: list[str | None] = []
    for row, password in enumerate(passwords):
        try:
            hashes.append(None if password is None else hash_mailbox_password(password))
        except Invalid as error:
            error.params["row"] = row
            raise
    return hashes
