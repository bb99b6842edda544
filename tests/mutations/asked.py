"""Questions of rights that can be taken out while tests run: the one named in ``out`` is answered as if it were not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

out = ""
"""The question that is taken out; empty: none."""

reached: set[str] = set()
"""The questions that were asked since somebody emptied it."""


def asked(question: str, real: Callable[[], T], without: Callable[[], T]) -> T:
    """What the code says, or what stands in its place while ``question`` is taken out."""
    if question == out:
        return without()
    reached.add(question)
    return real()
