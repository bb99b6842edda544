"""Why a host could not be made a node."""

from __future__ import annotations


class SetupFailed(Exception):
    """Set-up stopped. ``code`` is stable; the text is for the operator and holds no secret."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
