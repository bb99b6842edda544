"""Names under which strangers register theirs (``gov.pl``, ``poznan.pl``): nobody may have such a name as a whole.

The list (publicsuffix.org) comes with its package, so no network is asked; it is as old as the package.
"""

from __future__ import annotations

from functools import cache

from publicsuffixlist import PublicSuffixList


def is_public_suffix(name: str) -> bool:
    """Whether ``name`` (ASCII, without final dot) is a public suffix; a top-level domain nobody knows is one too."""
    return bool(_rules().is_public(name))


@cache
def _rules() -> PublicSuffixList:
    """The list, read once in a process: that takes a fifth of a second. Its private section counts as well."""
    return PublicSuffixList()
