"""Names that records lead to: there, no alias where none may be, and what was meant."""

from __future__ import annotations

import re
from collections.abc import Iterator

from panel.dns.lint.remarks import Finds, Found
from panel.dns.lint.view import ADDRESSES, View, words
from provisioning.record_sets import RecordSet

# Where in a value of a type the target stands.
_PLACE = {"NS": 0, "CNAME": 0, "DNAME": 0, "PTR": 0, "MX": 1, "SRV": 3, "HTTPS": 1, "SVCB": 1}
_NEEDS_ADDRESS = frozenset("NS MX SRV HTTPS SVCB".split())
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+")
_ADDRESS = re.compile(r"(?:[0-9]{1,3}\.){4}")
_NOWHERE = {"NS": "ns_nowhere", "MX": "mx_nowhere"}
_ALIAS = {"NS": "ns_alias", "MX": "mx_alias", "SRV": "srv_alias"}


def nowhere(view: View) -> Finds:
    """A target that we answer for exists, and has an address where the type needs one."""
    for one, target in _targets(view):
        state = view.target_state(target)
        if state != "missing" and not (state == "no_address" and one.type in _NEEDS_ADDRESS):
            continue
        own = view.inside(target) is not None
        code = _NOWHERE.get(one.type, "target_nowhere") if own else "dangling"
        yield Found(code, one.name, one.type, {"target": target})


def aliases(view: View) -> Finds:
    """Name servers, mail servers and services are not called by an alias (RFC 2181 10.3, RFC 2782)."""
    for one, target in _targets(view):
        if one.type in _ALIAS and view.target_state(target) == "alias":
            yield Found(_ALIAS[one.type], one.name, one.type, {"target": target})


def addresses(view: View) -> Finds:
    """A target is a name, never an address."""
    for one, target in _targets(view):
        inside = view.inside(target)
        if one.type != "PTR" and (_ADDRESS.fullmatch(target) or (inside and _ADDRESS.fullmatch(f"{inside}."))):
            yield Found("target_is_address", one.name, one.type, {"target": target})


def doubled(view: View) -> Finds:
    """A target that ends with the zone's name twice was meant whole, and lacks its final dot."""
    own = view.content.name
    for one, target in _targets(view):
        if f".{target}".endswith(f".{own}.{own}."):
            meant = target.removesuffix(f"{own}.")
            yield Found("target_doubled", one.name, one.type, {"target": target, "meant": meant})


def hosts(view: View) -> Finds:
    """Servers have host names: letters, digits, hyphens (RFC 1123 2.1)."""
    for one, target in _targets(view):
        if one.type in {"NS", "MX", "SRV"} and not _HOST.fullmatch(target):
            yield Found("target_host", one.name, one.type, {"target": target})


def sites(view: View) -> Finds:
    """A name that leads to our web servers is a site's: whoever makes a site of it later would have the name."""
    for name, node in view.nodes.items() if view.around.web_addresses else ():
        if not node.keys() & {*ADDRESSES, "CNAME"} or name[0] == "*" or view.cut_above(name) is not None:
            continue
        host = view.whole(name).removesuffix(".")
        if _addresses_of(view, name) & view.around.web_addresses and not view.around.is_site(host):
            yield Found("site_gone", name, "CNAME" if "CNAME" in node else "A", {"host": host})


def _targets(view: View) -> Iterator[tuple[RecordSet, str]]:
    """Each set with each of its targets, the root (no service: RFC 7505, RFC 2782, or the owner itself) left out."""
    for one in view.sets(*_PLACE):
        for value in one.values:
            target = words(value)[_PLACE[one.type]]
            if target != ".":
                yield one, target


def _addresses_of(view: View, name: str) -> set[str]:
    """The addresses of ``name``, through aliases that we answer for."""
    for _ in range(8):
        node = view.at(name) or {}
        if "CNAME" not in node:
            return {value for type_ in ADDRESSES if type_ in node for value in node[type_].values}
        found = view.hosted(node["CNAME"].values[0])
        if found is None:
            return set()
        view, name = found
    return set()


RULES = (nowhere, aliases, addresses, doubled, hosts, sites)
