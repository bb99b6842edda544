"""Mail servers, and the small records around mail: MTA-STS and reports about TLS."""

from __future__ import annotations

import re
from collections import Counter

from panel.dns.lint.remarks import Finds, Found
from panel.dns.lint.tags import is_report_address, named, tags_of
from panel.dns.lint.view import View, words
from panel.dns.records.names import relative
from provisioning.record_sets import APEX

_NULL = "."
_STS_ID = re.compile(r"[A-Za-z0-9]{1,32}")


def null_mx(view: View) -> Finds:
    """What says that there is no mail here (``0 .``) says so alone (RFC 7505 3)."""
    for one in view.sets("MX"):
        if len(one.values) > 1 and any(words(value)[1] == _NULL for value in one.values):
            yield Found("null_mx_beside", one.name, "MX")


def doubled_mx(view: View) -> Finds:
    """A mail server stands in a set once."""
    for one in view.sets("MX"):
        for target, times in Counter(words(value)[1] for value in one.values).items():
            if times > 1:
                yield Found("mx_double", one.name, "MX", {"target": target})


def mta_sts(view: View) -> Finds:
    """``v=STSv1; id=…`` once, and a host that has the policy (RFC 8461 3.1, 3.3)."""
    for name in named(view, "_mta-sts"):
        found = [text for text in view.texts(name) if text.lower().startswith(b"v=stsv1")]
        tags = tags_of(found[0]) if len(found) == 1 else None
        if tags is None or [*tags][:1] != ["v"] or tags["v"] != "STSv1" or not _STS_ID.fullmatch(tags.get("id", "")):
            yield Found("mta_sts_syntax", name, "TXT")
        host = relative(f"mta-sts.{view.whole(name).partition('.')[2]}", f"{view.content.name}.") or APEX
        if view.state(host) in {"missing", "no_address"}:
            yield Found("mta_sts_host", name, "TXT", {"host": view.whole(host).removesuffix(".")})


def tls_reports(view: View) -> Finds:
    """``v=TLSRPTv1; rua=…`` once, with addresses of mail or HTTPS (RFC 8460 3)."""
    for name in named(view, "_smtp._tls"):
        found = [text for text in view.texts(name) if text.lower().startswith(b"v=tlsrptv1")]
        tags = tags_of(found[0]) if len(found) == 1 else None
        good = tags is not None and [*tags][:1] == ["v"] and tags["v"] == "TLSRPTv1"
        if not good or not all(map(is_report_address, (tags or {}).get("rua", "").split(","))):
            yield Found("tls_rpt_syntax", name, "TXT")


RULES = (null_mx, doubled_mx, mta_sts, tls_reports)
