"""Why a message to another program did not get through."""

from __future__ import annotations

from panel.kernel.i18n import _l

_TRIES = {
    "refused": _l("this address may not be connected to"),
    "unreachable": _l("no connection"),
    "slow": _l("no answer in time"),
    "large": _l("the answer was too long"),
}


def try_words(problem: str) -> str:
    """Say why nothing was answered."""
    return str(_TRIES.get(problem, problem))
