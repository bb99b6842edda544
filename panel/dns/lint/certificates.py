"""Who may issue certificates (CAA, RFC 8659), and digests of keys and certificates: DS, TLSA, SMIMEA.

Digests whose length is not that of their kind are no values at all: ``panel.dns.records`` refuses them.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from panel.dns.lint.remarks import Finds, Found
from panel.dns.lint.tags import mail_domain
from panel.dns.lint.view import View, words
from panel.dns.records.strings import octets, tokens

_CRITICAL = 128
_ISSUERS = frozenset("issue issuewild issuemail issuevmc".split())
_CONTACTS = frozenset("contactemail contactphone".split())
_ISSUER = re.compile(r"\s*(?:(?:[a-z0-9-]{1,63}\.)+[a-z0-9-]{2,63})?\s*(?:;.*)?", re.IGNORECASE)
_PARAMETERS = re.compile(r";(?:\s*[A-Za-z0-9-]+\s*=\s*[!-:<-~]*\s*(?:;|$))*\s*")

_DS_OCTETS_MIN = 20
_DS_OLD = frozenset({1, 3})
_TLSA_NAME = re.compile(r"(?:\*|_[0-9]{1,5})\._(?:tcp|udp|sctp)(?:\..*)?|_[0-9]{1,5}\._(?:tcp|udp|sctp)")


def issuers(view: View) -> Finds:
    """Tags that certificate authorities know, with values that they understand."""
    for one in view.sets("CAA"):
        for value in one.values:
            flags, tag, quoted = tokens(value)
            text = octets(quoted).decode("utf-8", "replace")
            known = tag.lower() in _ISSUERS | _CONTACTS | {"iodef"}
            if not known:
                critical = int(flags) & _CRITICAL
                yield Found("caa_critical" if critical else "caa_unknown", one.name, "CAA", {"tag": tag})
            elif not _is_caa(tag.lower(), text):
                yield Found("caa_syntax", one.name, "CAA", {"tag": tag, "text": text[:80]})
            if int(flags) not in {0, _CRITICAL}:
                yield Found("caa_flags", one.name, "CAA", {"flags": flags})


def delegation_signers(view: View) -> Finds:
    """Digests that are ones, and one among them that validators still take (RFC 8624 3.3, 9905)."""
    for one in view.sets("DS"):
        kinds = set()
        for value in one.values:
            _, _, kind, digest = words(value)
            kinds.add(int(kind))
            if len(digest) < 2 * _DS_OCTETS_MIN:
                yield Found("ds_length", one.name, "DS", {"kind": kind, "number": len(digest) // 2})
        if kinds <= _DS_OLD:
            yield Found("ds_old", one.name, "DS")


def certificate_digests(view: View) -> Finds:
    """TLSA and SMIMEA: known numbers (RFC 6698 2.1, 8162), TLSA at a port's name (3)."""
    for one in view.sets("TLSA", "SMIMEA"):
        for value in one.values:
            usage, selector, matching, _ = words(value)
            if int(usage) > 3 or int(selector) > 1 or int(matching) > 2:
                yield Found("tlsa_numbers", one.name, one.type, {"text": f"{usage} {selector} {matching}"})
        if one.type == "TLSA" and not _TLSA_NAME.fullmatch(one.name):
            yield Found("tlsa_name", one.name, "TLSA")


def _is_caa(tag: str, text: str) -> bool:
    if tag in _CONTACTS:
        return bool(text.strip())
    if tag == "iodef":
        url = urlsplit(text)
        return mail_domain(text) is not None or (url.scheme in {"http", "https"} and bool(url.hostname))
    _, semicolon, rest = text.partition(";")
    return bool(_ISSUER.fullmatch(text)) and (not semicolon or bool(_PARAMETERS.fullmatch(f";{rest}")))


RULES = (issuers, delegation_signers, certificate_digests)
