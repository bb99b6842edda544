"""How units of local government are told apart: by the local part of their statutory address, and by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Protocol

from panel.kernel.text import fold, slugify

CITY, COUNTY = "gmina_miejska", "powiat"
SLUG_MAX = 50


class Named(Protocol):
    """What names are made from: the register's name and kind, and the county it lies in."""

    @property
    def name(self) -> str: ...  # noqa: D102 - said above
    @property
    def kind(self) -> str: ...  # noqa: D102 - said above
    @property
    def county(self) -> str: ...  # noqa: D102 - said above


def register_name(title: str) -> str:
    """The register's name in a ``title`` made by ``Homonyms``."""
    return title.partition(" (")[0].removeprefix("Powiat ")


class Homonyms:
    """Which names of communes are borne by several units, among all that are known."""

    def __init__(self, units: Iterable[Named]) -> None:
        communes = [unit for unit in units if unit.kind != COUNTY]
        self._bare = Counter(fold(unit.name) for unit in communes)
        self._kinds = Counter((fold(unit.name), _word(unit)) for unit in communes)

    def slug(self, unit: Named, *, voivodeship: str, teryt: str, taken: Collection[str]) -> str:
        """The shortest free local part that tells ``unit`` from all others."""
        slugs = self._slugs(unit, voivodeship, teryt)
        return next(slug for slug in slugs if len(slug) <= SLUG_MAX and slug not in taken)

    def title(self, unit: Named) -> str:
        """The name as people see it: ``Kościan (miasto)``, ``Dąbie (gmina, powiat kolski)``, ``Powiat kościański``."""
        if unit.kind == COUNTY:
            return f"Powiat {unit.name}"
        if self._bare[fold(unit.name)] == 1:
            return unit.name
        if self._kinds[fold(unit.name), _word(unit)] == 1:
            return f"{unit.name} ({_word(unit)})"
        return f"{unit.name} ({_word(unit)}, powiat {unit.county})"

    def _slugs(self, unit: Named, voivodeship: str, teryt: str) -> Iterable[str]:
        """From the shortest to one that nobody else can have."""
        base, county = slugify(unit.name), slugify(unit.county)
        if unit.kind == COUNTY:
            yield f"powiat-{base}"
            yield f"powiat-{base}-{slugify(voivodeship)}"
        else:
            if self._bare[fold(unit.name)] == 1:
                yield base
            if self._kinds[fold(unit.name), _word(unit)] == 1:
                yield f"{_word(unit)}-{base}"
            yield f"{_word(unit)}-{base}-{county}"
        yield f"{_word(unit)}-{teryt}"


def _word(unit: Named) -> str:
    return "powiat" if unit.kind == COUNTY else "miasto" if unit.kind == CITY else "gmina"
