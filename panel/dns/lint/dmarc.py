"""DMARC (RFC 9989, before it 7489): one policy, its tags, and whether reports may be sent where it says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from panel.dns.lint.remarks import Finds, Found
from panel.dns.lint.tags import mail_domain, named, tags_of
from panel.dns.lint.view import View

_POLICY = re.compile(r"none|quarantine|reject", re.IGNORECASE)
_MODE = re.compile(r"[rs]", re.IGNORECASE)
_BEGINS = re.compile(rb"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)")
_LIKE = re.compile(rb"\s*v\s*=\s*dmarc", re.IGNORECASE)
_OLD = ("pct", "rf", "ri")


def records(view: View) -> Finds:
    """One record that begins as one (RFC 9989 4.7)."""
    for name in named(view, "_dmarc"):
        real, other = _split(view.texts(name))
        if len(real) > 1:
            yield Found("dmarc_many", name, "TXT", {"number": len(real)})
        for text in other:
            if _LIKE.match(text) or not real:
                yield Found("dmarc_like", name, "TXT", {"text": text[:40].decode("ascii", "replace")})


def tags(view: View) -> Finds:
    """Every tag is known and says what it may say."""
    for name, text in _all(view):
        found = tags_of(text)
        if found is None:
            yield Found("dmarc_syntax", name, "TXT", {"tag": text[:40].decode("ascii", "replace")})
            continue
        for tag, value in found.items():
            if tag in _OLD:
                yield Found("dmarc_old", name, "TXT", {"tag": tag})
            elif tag not in _TAGS:
                yield Found("dmarc_unknown", name, "TXT", {"tag": tag})
            elif not _TAGS[tag](value):
                yield Found("dmarc_syntax", name, "TXT", {"tag": f"{tag}={value}"[:80]})
        if "p" not in found:
            yield Found("dmarc_no_policy", name, "TXT")


def reports(view: View) -> Finds:
    """A domain that we answer for says that it takes reports about others (RFC 9990 4)."""
    for name, text in _all(view):
        about = view.whole(name).removeprefix("_dmarc.").removesuffix(".")
        found = tags_of(text) or {}
        for address in f"{found.get('rua', '')},{found.get('ruf', '')}".split(","):
            domain = mail_domain(address)
            if domain and not _is_agreed(view, about, domain):
                yield Found(
                    "dmarc_report", name, "TXT", {"domain": domain, "record": f"{about}._report._dmarc.{domain}"}
                )


def _is_agreed(view: View, about: str, domain: str) -> bool:
    """Tell whether ``domain`` takes reports about ``about``, or is of the same zone, or not ours to know."""
    found = view.hosted(f"{about}._report._dmarc.{domain}.")
    if found is None or found[0] is view:
        return True
    node = found[0].at(found[1]) or {}
    return "TXT" in node or "CNAME" in node


def _split(texts: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    real = [text for text in texts if _BEGINS.match(text)]
    return real, [text for text in texts if text not in real]


def _all(view: View) -> Iterator[tuple[str, bytes]]:
    for name in named(view, "_dmarc"):
        real, _ = _split(view.texts(name))
        if len(real) == 1:
            yield name, real[0]


def _is_policy(value: str) -> bool:
    return bool(_POLICY.fullmatch(value))


def _is_mode(value: str) -> bool:
    return bool(_MODE.fullmatch(value))


def _is_one_of(letters: str) -> Callable[[str], bool]:
    return lambda value: all(part.strip() and part.strip().lower() in letters for part in value.split(":"))


def _are_addresses(value: str) -> bool:
    return all(mail_domain(part) is not None for part in value.split(","))


_TAGS: dict[str, Callable[[str], bool]] = {
    "v": lambda value: value == "DMARC1",
    "p": _is_policy,
    "sp": _is_policy,
    "np": _is_policy,
    "adkim": _is_mode,
    "aspf": _is_mode,
    "fo": _is_one_of("01ds"),
    "t": _is_one_of("yn"),
    "psd": _is_one_of("ynu"),
    "rua": _are_addresses,
    "ruf": _are_addresses,
}

RULES = (records, tags, reports)
