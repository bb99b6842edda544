"""Settings of Knot as commands that bring them about, and as its answers tell them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from provisioning.agent.adapters.dns_config import UPDATED_TYPE
from provisioning.agent.adapters.knot_control import Answer

Command = dict[str, str]
Items = Mapping[str, tuple[str, ...]]
ALGORITHM = "hmac-sha256"
"""Of the keys by which programs change zones."""


def rule_of(key: str) -> Items:
    """Tell what the rule says that lets the holders of a key update zones."""
    return {"key": (f"{key}.",), "action": ("update",), "update-type": (UPDATED_TYPE,)}


def whole(section: str, id_: str, items: Items, is_there: bool) -> Iterator[Command]:  # noqa: FBT001  # two uses above
    """Set one thing of a section anew, with these items and no others."""
    if is_there:
        yield {"command": "conf-unset", "section": section, "id": id_}
    yield {"command": "conf-set", "section": section, "id": id_}
    for item, values in items.items():
        for value in values:
            yield {"command": "conf-set", "section": section, "id": id_, "item": item, "data": value}


def changes(name: str, had: Items | None, wanted: Items) -> Iterator[Command]:
    """Bring what is configured of a zone to what is wanted; None: it is not there yet."""
    if had is None:
        yield {"command": "conf-set", "section": "zone", "item": "domain", "data": name}
    for item in {**(had or {}), **wanted}:
        place = {"section": "zone", "id": name, "item": item}
        if had is not None and item in had and had[item] != wanted.get(item):
            yield {"command": "conf-unset", **place}
        for value in wanted.get(item, ()) if (had or {}).get(item) != wanted.get(item) else ():
            yield {"command": "conf-set", **place, "data": value}


def by_zone(answers: Iterable[Answer]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Sort what `conf-read` tells of zones: name to item to values."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for one in answers:
        if one.item == "domain":
            found.setdefault(bare(one.data), {})
        else:
            items = found.setdefault(bare(one.id), {})
            items[one.item] = (*items.get(one.item, ()), one.data)
    return found


def bare(name: str) -> str:
    """Return a name without its final dot."""
    return name.removesuffix(".")
