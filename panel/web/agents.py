"""Browsers in few words, as lists of sessions show them."""

from __future__ import annotations

_BROWSERS = (
    ("Edg/", "Edge"), ("EdgA/", "Edge"), ("OPR/", "Opera"), ("Vivaldi/", "Vivaldi"), ("SamsungBrowser/", "Samsung"),
    ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"), ("CriOS/", "Chrome"), ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl"), ("Werkzeug/", "Werkzeug"),
)  # fmt: skip
_SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iOS"), ("iPad", "iPadOS"), ("Windows", "Windows"), ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"), ("Macintosh", "macOS"), ("Linux", "Linux"),
)  # fmt: skip


def short_agent(sent: str) -> str:
    """``Firefox, Windows`` for what a browser says of itself; its version changes too often to be part of a place."""
    found = [next((word for mark, word in known if mark in sent), "") for known in (_BROWSERS, _SYSTEMS)]
    return ", ".join(word for word in found if word) or "?"
