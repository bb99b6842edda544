"""Where to go on after signing in or confirming: a path of ours, never another site."""

from __future__ import annotations

from urllib.parse import urlsplit

from panel.kernel.text import has_control


def own_path(target: str | None) -> str | None:
    """``target`` if it is a path on this panel as every browser reads it, else None.

    Browsers take backslashes for slashes, drop tabs and line ends, and take ``//host`` and ``https:host`` for hosts
    (WHATWG URL 4.4).
    """
    if not target or not target.startswith("/") or target.startswith("//"):
        return None
    if "\\" in target or has_control(target):
        return None
    parts = urlsplit(target)
    return None if parts.scheme or parts.netloc else target
