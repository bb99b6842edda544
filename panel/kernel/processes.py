"""What a process that stays does once all is loaded, before its work begins."""

from __future__ import annotations

import gc

from sqlalchemy.orm import configure_mappers

_NEW_OBJECTS, _YOUNG_ROUNDS, _MIDDLE_ROUNDS = 50_000, 20, 20


def settle() -> None:
    """Do now what would otherwise be done in somebody's first request, and again and again.

    Models are put together. What was loaded is taken out of the garbage collector's rounds, which come less often: a
    batch of ten thousand makes a great many objects that all stay until it is done, and rounds through them and through
    the whole program took a fifth of its time. Processes forked afterwards share what nothing writes to any more.
    """
    configure_mappers()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, _YOUNG_ROUNDS, _MIDDLE_ROUNDS)
