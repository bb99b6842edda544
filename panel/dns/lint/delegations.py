"""Where the zone hands over to another one: name servers, their addresses, and what signs the way."""

from __future__ import annotations

from panel.dns.lint.remarks import Finds, Found
from panel.dns.lint.view import ADDRESSES, View
from provisioning.record_sets import APEX

_AT_CUT = frozenset({"NS", "DS"})


def servers(view: View) -> Finds:
    """A zone has two name servers or more (RFC 2182 5)."""
    for one in view.sets("NS"):
        if len(one.values) == 1:
            yield Found("ns_one", one.name, "NS", {"target": one.values[0]})


def glue(view: View) -> Finds:
    """A name server below the cut it serves has its address here (RFC 1034 4.2.1, RFC 9471)."""
    for one in view.sets("NS"):
        for target in one.values if one.name != APEX else ():
            name = view.inside(target)
            if name is None or view.cut_above(name) != one.name:
                continue
            if not view.nodes.get(name, {}).keys() & {*ADDRESSES}:
                yield Found("glue_missing", one.name, "NS", {"target": target})


def below_cuts(view: View) -> Finds:
    """At a cut there are NS and DS only, below it addresses of name servers only: others are answered elsewhere."""
    needed = {view.inside(target) for one in view.sets("NS") for target in one.values}
    for name, node in view.nodes.items() if view.cuts else ():
        cut = view.cut_above(name)
        if cut is None:
            continue
        may_be = {*ADDRESSES} if name in needed else set()
        lost = node.keys() - may_be - (_AT_CUT if name == cut else set())
        if lost:
            yield Found("below_cut", name, "", {"cut": cut, "types": ", ".join(sorted(lost))})


def signed(view: View) -> Finds:
    """DS stands beside the NS of a zone below, never at the apex (RFC 4035 2.4)."""
    for one in view.sets("DS"):
        if one.name == APEX:
            yield Found("ds_apex", APEX, "DS")
        elif "NS" not in view.nodes[one.name]:
            yield Found("ds_without_ns", one.name, "DS")


RULES = (servers, glue, below_cuts, signed)
