"""What can go wrong with the lab, in words for the person who started it."""

from __future__ import annotations


class LabError(Exception):
    """The lab cannot go on; the text is one line that says what is missing or what to do."""


class NoSuchNode(LabError):
    """No node of that name is declared in this lab."""


class NotRunning(LabError):
    """The node, or the whole lab, is not up."""
