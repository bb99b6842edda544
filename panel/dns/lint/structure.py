"""What no zone may be, whatever it is for: aliases beside data, a missing apex, data where nobody looks."""

from __future__ import annotations

from panel.dns.lint.remarks import Finds, Found
from panel.dns.lint.view import ADDRESSES, View, parent
from provisioning.record_sets import APEX, RecordSet, octets_of

_ALIAS_MAY_HAVE = 1
_LARGE = 64_000
_ADDRESS_LIKE = frozenset((*ADDRESSES, "CNAME"))


def apex(view: View) -> Finds:
    """The apex has name servers, several, and is no alias (RFC 1034 3.6.2, RFC 2182 5)."""
    node = view.nodes.get(APEX, {})
    if "NS" not in node:
        yield Found("apex_ns_missing", APEX, "NS")
    if "CNAME" in node:
        yield Found("apex_cname", APEX, "CNAME")


def aliases(view: View) -> Finds:
    """An alias is alone at its name and has one target (RFC 2181 10.1, RFC 6672 2.4)."""
    for one in view.sets("CNAME", "DNAME"):
        node = view.nodes[one.name]
        if len(one.values) > 1:
            yield Found("alias_many", one.name, one.type, {"number": len(one.values)})
        if one.type == "CNAME" and len(node) > _ALIAS_MAY_HAVE and one.name != APEX:
            yield Found("cname_beside", one.name, "CNAME", {"types": ", ".join(sorted(node.keys() - {"CNAME"}))})


def loops(view: View) -> Finds:
    """Aliases within the zone lead somewhere."""
    for one in view.sets("CNAME"):
        seen = {one.name}
        target = view.inside(one.values[0])
        while target is not None and target not in seen:
            seen.add(target)
            following = (view.at(target) or {}).get("CNAME")
            target = view.inside(following.values[0]) if following else None
        if target == one.name:
            yield Found("cname_loop", one.name, "CNAME", {"target": one.values[0]})


def below_dname(view: View) -> Finds:
    """Nothing stands below a DNAME, since nobody gets it (RFC 6672 2.4)."""
    redirects = {one.name for one in view.sets("DNAME")}
    for name in view.nodes if redirects else ():
        above = name
        while above != APEX:
            above = parent(above)
            if above in redirects:
                yield Found("below_dname", name, "", {"above": above})
                break


def wildcards(view: View) -> Finds:
    """A wildcard does not delegate or redirect (RFC 4592 4.2, 4.4), and ``*`` means something only as first label."""
    for one in view.sets("NS", "DNAME", "DS"):
        if one.name.split(".")[0] == "*":
            yield Found("wildcard_type", one.name, one.type)
    for name in view.nodes:
        if r"\042" in name.split("."):
            yield Found("star_inside", name, "")


def gaps(view: View) -> Finds:
    """A name that exists, be it by a name below it only, is not covered by the wildcard beside it (RFC 4592 2.2.2)."""
    stars = {name: node for name, node in view.nodes.items() if name.split(".")[0] == "*"}
    above = {parent(name): name for name, node in stars.items() if node.keys() & _ADDRESS_LIKE}
    for name in sorted(view.names) if above else ():
        star = above.get(parent(name)) if name != APEX else None
        if star is None or name == star or name[0] == "_" or name in view.cuts:
            continue
        if not view.nodes.get(name, {}).keys() & (_ADDRESS_LIKE | {"DNAME"}):
            yield Found("wildcard_gap", name, "", {"wildcard": star})


def doubled_names(view: View) -> Finds:
    """A name that ends with the zone's own was meant whole, and lacks its final dot."""
    own = view.content.name
    for name in view.nodes:
        if name == own or name.endswith(f".{own}"):
            yield Found("name_doubled", name, "", {"whole": view.whole(name)})


def sizes(view: View) -> Finds:
    """A set fits into one message (RFC 1035 4.2.2)."""
    for one in view.content.sets:
        if sum(map(len, one.values)) + len(one.values) * 12 > _LARGE and _octets(one) > _LARGE:
            yield Found("set_large", one.name, one.type, {"most": _LARGE})


def timers(view: View) -> Finds:
    """A secondary tries again before it is due, and does not give up before it tried often (RFC 1912 2.2)."""
    soa = view.content.soa
    if soa.retry >= soa.refresh:
        yield Found("soa_retry", APEX, "SOA", {"retry": soa.retry, "refresh": soa.refresh})
    if soa.expire < soa.refresh + 10 * soa.retry:
        yield Found("soa_expire", APEX, "SOA", {"expire": soa.expire})


def _octets(one: RecordSet) -> int:
    """About what the set takes in a message; escapes counted once, hexadecimal by half."""
    generic = one.type.startswith("TYPE")
    return sum(12 + (len(value) // 2 if generic else octets_of(value)) for value in one.values)


RULES = (apex, aliases, loops, below_dname, wildcards, gaps, doubled_names, sizes, timers)
