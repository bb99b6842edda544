"""SPF (RFC 7208): one record, terms that are understood, at most ten look-ups as far as we know the answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Network, IPv6Network, NetmaskValueError

from panel.dns.idn import to_ascii
from panel.dns.lint.remarks import Finds, Found
from panel.dns.lint.view import View
from panel.kernel.errors import Invalid

LOOKUPS_MAX = 10
_LONG = 450
"""Octets of text that still fit into an answer by UDP with the rest of it (RFC 7208 3.4)."""

_COUNTED = frozenset("include a mx ptr exists redirect".split())
_TERM = re.compile(r"([+?~-]?)([A-Za-z][A-Za-z0-9_.-]*)(?:([:=/])(.*))?")
_LIKE = re.compile(rb'"?\s*(?:v\s*=\s*spf|spf1)', re.IGNORECASE)
_PREFIXES = re.compile(r"(.*?)(?:/([0-9]{1,2}))?(?://([0-9]{1,3}))?")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9_-]{1,63}\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]\.?")


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a record: ``sign`` before it, its name in lower case, what stands between, and the rest."""

    sign: str
    name: str
    mark: str
    rest: str
    text: str

    @property
    def target(self) -> str | None:
        """The domain it names, absolute; None where it names none, or with macros."""
        domain = (_PREFIXES.fullmatch(self.rest) or [""])[1] if self.name in {"a", "mx"} else self.rest
        return None if not domain or "%" in domain else f"{domain.lower().rstrip('.')}."


def records(view: View) -> Finds:
    """One record for a name (RFC 7208 3.2), that is one (4.5), and not too long (3.4)."""
    for one in view.sets("TXT"):
        texts = view.texts(one.name)
        real = [text for text in texts if _is_spf(text)]
        if len(real) > 1:
            yield Found("spf_many", one.name, "TXT", {"number": len(real)})
        for text in texts:
            if _LIKE.match(text) and text not in real:
                yield Found("spf_like", one.name, "TXT", {"text": text[:40].decode("ascii", "replace")})
        for text in real:
            if len(text) > _LONG:
                yield Found("spf_long", one.name, "TXT", {"number": len(text), "most": _LONG})


def syntax(view: View) -> Finds:
    """Every term is one (RFC 7208 5, 6, 12)."""
    for name, terms in _all(view):
        seen: set[str] = set()
        for term in terms:
            twice = term.name in {"redirect", "exp"} and term.name in seen
            seen.add(term.name)
            if twice or not _is_term(term):
                yield Found("spf_syntax", name, "TXT", {"term": term.text[:80]})


def ends(view: View) -> Finds:
    """What comes behind ``all`` counts for nothing, and a record says what holds for everybody else (RFC 7208 5.1)."""
    for name, terms in _all(view):
        names = [term.name for term in terms]
        if "all" not in names:
            if "redirect" not in names:
                yield Found("spf_open_end", name, "TXT")
            continue
        place = names.index("all")
        lost = [term.text for term in terms[place + 1 :] if term.name != "exp"]
        lost += [term.text for term in terms[:place] if term.name == "redirect"]
        if lost:
            yield Found("spf_after_all", name, "TXT", {"term": lost[0][:80]})
        if terms[place].sign in {"", "+"}:
            yield Found("spf_pass_all", name, "TXT")


def dated(view: View) -> Finds:
    """``ptr`` is not to be used (RFC 7208 5.5)."""
    for name, terms in _all(view):
        if any(term.name == "ptr" for term in terms):
            yield Found("spf_ptr", name, "TXT")


def lookups(view: View) -> Finds:
    """At most ten terms ask, those of included records with them (RFC 7208 4.6.4); loops ask for ever."""
    for name, _ in _all(view):
        count = _Count()
        count.add(view, name, ())
        if count.loop:
            yield Found("spf_loop", name, "TXT", {"target": count.loop})
        elif count.number > LOOKUPS_MAX:
            yield Found("spf_lookups", name, "TXT", {"number": count.number, "most": LOOKUPS_MAX})
        if count.nothing:
            yield Found("spf_include_none", name, "TXT", {"target": count.nothing})


@dataclass(slots=True)
class _Count:
    """How many terms ask so far; a ``loop`` found, and an included name that has ``nothing``."""

    number: int = 0
    loop: str = ""
    nothing: str = ""

    def add(self, view: View, name: str, above: tuple[str, ...]) -> None:
        whole = view.whole(name)
        if whole in above:
            self.loop = whole
        texts = [text for text in view.texts(name) if _is_spf(text)]
        if self.loop or len(texts) != 1 or self.number > 100:
            return
        for term in _terms(texts[0]):
            self.number += term.name in _COUNTED
            if term.name in {"include", "redirect"} and term.target:
                self._follow(view, term.target, (*above, whole))

    def _follow(self, view: View, target: str, above: tuple[str, ...]) -> None:
        found = view.hosted(target)
        if found is None or found[0].state(found[1]) in {"unknown", "alias"}:
            return
        if not any(map(_is_spf, found[0].texts(found[1]))):
            self.nothing = target
        self.add(found[0], found[1], above)


def _all(view: View) -> Iterator[tuple[str, list[Term]]]:
    """Each name with one SPF record, and its terms."""
    for one in view.sets("TXT"):
        real = [text for text in view.texts(one.name) if _is_spf(text)]
        if len(real) == 1:
            yield one.name, _terms(real[0])


def _is_spf(text: bytes) -> bool:
    return text[:7].lower() in {b"v=spf1", b"v=spf1 "}


def _terms(text: bytes) -> list[Term]:
    found = []
    for word in text.decode("utf-8", "replace").split(" ")[1:]:
        term = _TERM.fullmatch(word) if word else None
        if term:
            mark = term[3] or ""
            rest = f"/{term[4]}" if mark == "/" else term[4] or ""
            found.append(Term(term[1], term[2].lower(), mark, rest, word))
        elif word:
            found.append(Term("", "", "", "", word))
    return found


def _is_term(term: Term) -> bool:
    if term.mark == "=":
        return not term.sign and (_is_domain(term.rest) if term.name in {"redirect", "exp"} else bool(term.name))
    if term.name in {"all", "ptr"} and not term.mark:
        return True
    if term.name in {"ip4", "ip6"}:
        return term.mark == ":" and _is_network(term.name, term.rest)
    if term.name in {"include", "exists", "ptr"}:
        return term.mark == ":" and _is_domain(term.rest)
    return term.name in {"a", "mx"} and _is_host(term)


def _is_host(term: Term) -> bool:
    found = _PREFIXES.fullmatch(term.rest)
    domain, four, six = (found[1], found[2], found[3]) if found else ("/", None, None)
    good = _is_domain(domain) if term.mark == ":" else not domain
    return good and int(four or 0) <= 32 and int(six or 0) <= 128


def _is_network(name: str, text: str) -> bool:
    kind = IPv4Network if name == "ip4" else IPv6Network
    try:
        kind(text, strict=False)
    except (AddressValueError, NetmaskValueError, ValueError):
        return False
    return "/" not in text or text.rpartition("/")[2].isdigit()


def _is_domain(text: str) -> bool:
    """Tell whether it is a name with a dot in it, or holds macros (RFC 7208 7.1), which are not looked into."""
    if "%" in text:
        return bool(re.fullmatch(r"(?:[!-$&-~]|%%|%_|%-|%\{[slodiphcrtvSLODIPHCRTV][0-9]*r?[.+,/_=-]*\})+", text))
    try:
        return bool(_DOMAIN.fullmatch(to_ascii(text))) and text.isascii()
    except Invalid:
        return False


RULES = (records, syntax, ends, dated, lookups)
