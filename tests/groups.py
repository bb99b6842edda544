"""Which tests must run in one process because they share a host, a panel or a browser, and which groups begin first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest

SHARED = {
    "panel": {"running_panel"},
    "lab": {"lab", "lab_state", "mail1"},
    "dns": {"name_servers"},
    "faults": {"faulty_host"},
    "browser": {"chromium"},
}
"""Groups of tests by what they share: it is made once, in the process that runs the group."""

OF_A_MODULE = {"spare", "whole"}
"""Hosts that a module's tests share: set up once, and not in each process that runs some of them."""

OF_ONE_TEST = {"bare", "own_lab", "up", "place"}
"""Hosts that a test has for itself."""

LONGEST = ("panel", "faults", "lab", "browser", "dns")
"""Groups that take minutes, the longest first: one that began late would keep the whole run waiting for it alone."""


def group_of(item: pytest.Item) -> str | None:
    """The group that ``item`` belongs to; none where any process may run it."""
    names = set(getattr(item, "fixturenames", ())) - set(_typed_in(item))
    shared = next((group for group, fixtures in SHARED.items() if names & fixtures), None)
    if shared is not None or not names & (OF_A_MODULE | OF_ONE_TEST):
        return shared
    alone = "" if names & OF_A_MODULE else f"_{item.name}"
    return "hosts-" + re.sub(r"\W", "_", f"{item.path.stem}{alone}")


def longest_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """``items`` so that groups begin before tests that any process may run, and the longest groups before the others.

    Groups take their time from waiting for real hosts; what only computes fills the processors beside them, and its
    many small parts let all processes end at the same time.
    """
    return sorted(items, key=_place)


def _place(item: pytest.Item) -> int:
    group = group_of(item)
    if group is None:
        return len(LONGEST) + 1
    return LONGEST.index(group) if group in LONGEST else len(LONGEST)


def _typed_in(item: pytest.Item) -> Iterator[str]:
    """Names that a test's parameters have, and no fixture."""
    parameters = getattr(item, "callspec", None)
    yield from parameters.params if parameters is not None else ()
