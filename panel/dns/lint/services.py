"""Services: HTTPS and SVCB, SRV, NAPTR, and names of addresses (PTR)."""

from __future__ import annotations

import re

from panel.dns.lint.remarks import Finds, Found
from panel.dns.lint.view import View, words
from panel.dns.records.strings import octets, tokens
from provisioning.record_sets import APEX

_SERVICE = re.compile(r"(?:\*|_[a-z0-9_-]+)\.(?:_[a-z0-9-]+)(?:\..*)?")
_NOT_GROUPS = re.compile(r"\\.|\[\^?\]?[^\]]*\]")
_GROUP = re.compile(r"\\([0-9])")
_REVERSE = (".in-addr.arpa", ".ip6.arpa")


def bindings(view: View) -> Finds:
    """An alias (priority 0) does not stand beside services (RFC 9460 2.4.1)."""
    for one in view.sets("HTTPS", "SVCB"):
        aliases = [value for value in one.values if words(value)[0] == "0"]
        if aliases and len(one.values) > 1:
            yield Found("svcb_mixed", one.name, one.type)


def services(view: View) -> Finds:
    """SRV stands at ``_service._protocol`` (RFC 2782); a target ``.`` says alone that there is none."""
    for one in view.sets("SRV"):
        if not _SERVICE.fullmatch(one.name):
            yield Found("srv_name", one.name, "SRV")
        if len(one.values) > 1 and any(words(value)[3] == "." for value in one.values):
            yield Found("srv_none_beside", one.name, "SRV")


def rewriting(view: View) -> Finds:
    """A NAPTR has a replacement or an expression that is one, not both (RFC 3403 4.1); BIND takes no others."""
    for one in view.sets("NAPTR"):
        for value in one.values:
            *_, expression, replacement = tokens(value)
            if expression != '""' and replacement != ".":
                yield Found("naptr_both", one.name, "NAPTR", {"text": value[:80]})
            if not _is_expression(octets(expression).decode("utf-8", "replace")):
                yield Found("naptr_expression", one.name, "NAPTR", {"text": expression[:80]})


def pointers(view: View) -> Finds:
    """PTR belongs into reverse zones, or names services (RFC 6763); one address has one name."""
    reverse = view.content.name.endswith(_REVERSE)
    for one in view.sets("PTR"):
        if not reverse and not any(label[0] == "_" for label in one.name.split(".")):
            yield Found("ptr_forward", one.name, "PTR")
        if reverse and len(one.values) > 1:
            yield Found("ptr_many", one.name, "PTR", {"number": len(one.values)})
        if reverse and not _is_reverse(view, one.name):
            yield Found("ptr_name", one.name, "PTR", {"name": view.whole(one.name)})


def _is_expression(text: str) -> bool:
    """Tell whether it is empty or ``!expression!replacement!flags``, any character for ``!`` (RFC 3402 3.2)."""
    if not text:
        return True
    mark = re.escape(text[0])
    part = rf"((?:\\.|(?!{mark})[^\\])*)"
    found = re.fullmatch(f"{mark}{part}{mark}{part}{mark}i?", text)
    if found is None or text[0] in "0123456789\\i" or "\0" in text:
        return False
    bare = _NOT_GROUPS.sub("", found[1])
    groups = bare.count("(")
    return groups == bare.count(")") and all(0 < int(number) <= groups for number in _GROUP.findall(found[2]))


def _is_reverse(view: View, name: str) -> bool:
    """Tell whether it is the name of an address, or lies in a zone cut out of one (RFC 2317), where names are free."""
    labels = view.whole(name).removesuffix(".").split(".")
    if labels[0] == "*" or name == APEX:
        return True
    if labels[-2] == "ip6":
        return len(labels) == 34 and all(re.fullmatch("[0-9a-f]", label) for label in labels[:-2])
    if any("/" in label or "-" in label for label in labels[:-2]):
        return True
    return len(labels) == 6 and all(label.isdigit() and int(label) < 256 for label in labels[:-2])


RULES = (bindings, services, rewriting, pointers)
