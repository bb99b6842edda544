"""Addresses of one-time links: made when a message is written, never kept."""

from __future__ import annotations

import uuid

from config import Settings
from panel.kernel.links import link_token

PATHS: dict[str, str] = {
    "invitation": "/invitations/{token}",
    "reset": "/reset/{token}",
    "email": "/email/{token}",
    "email_undo": "/email/undo/{token}",
}
"""Purpose of a link → where it leads, below the panel's own address. ``{token}`` stands for its secret."""


def link_url(settings: Settings, purpose: str, row_id: uuid.UUID) -> str:
    """The address for the row ``row_id``: always at ``public_url``, whatever host somebody asked the panel by."""
    path = PATHS[purpose].format(token=link_token(settings, purpose, row_id))
    return f"{settings.public_url.rstrip('/')}{path}"
