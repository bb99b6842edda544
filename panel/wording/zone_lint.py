"""What is wrong, or looks wrong, with whole zones, and what was done with the lines of a zone file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from panel.kernel.i18n import _l

_REMARKS: dict[str, Any] = {
    # The zone itself
    "apex_ns_missing": _l("The zone names no name servers of its own. Add NS records for @."),
    "apex_cname": _l("The zone itself (@) cannot be an alias. Use A and AAAA, or HTTPS with the priority 0."),
    "alias_many": _l("An alias has %(number)s targets, but may have one. Leave one of them."),
    "cname_beside": _l("An alias stands alone at its name, but here is also: %(types)s. Remove either."),
    "cname_loop": _l("The aliases lead in a circle by way of %(target)s. Let one of them lead to an address."),
    "below_dname": _l("Nobody gets this: %(above)s hands all names below it over (DNAME). Remove either."),
    "wildcard_type": _l("A name with * cannot hand over or redirect. Name the single names instead."),
    "star_inside": _l("A * means any name only at the very beginning. Here it is a plain character."),
    "wildcard_gap": _l(
        "%(wildcard)s does not cover this name, since something stands at it or below it. Give it an address of its own"
        " if it should have one."
    ),
    "name_doubled": _l(
        "The name is now %(whole)s. If that is one zone name too many, end it with a dot or shorten it."
    ),
    "set_large": _l("These records are too large for one answer (%(most)s octets). Divide them among several names."),
    "soa_retry": _l(
        "A secondary tries again (%(retry)s s) later than it asks anyhow (%(refresh)s s). Shorten “retry”."
    ),
    "soa_expire": _l(
        "After %(expire)s s without the primary, secondaries fall silent. Give them more time (“expire”)."
    ),
    # Handing over
    "ns_one": _l("There is one name server only (%(target)s). Name a second one: without it the name is gone."),
    "glue_missing": _l("The name server %(target)s lies below what it serves: its address (A, AAAA) must stand here."),
    "below_cut": _l("Nobody gets this (%(types)s): the name servers of %(cut)s answer for it. Put it into their zone."),
    "ds_apex": _l("DS belongs into the zone above, beside its NS records. Give it to whoever runs that zone."),
    "ds_without_ns": _l("DS without NS: there is no zone below to vouch for. Add its NS records, or remove it."),
    "ds_length": _l("A digest of %(number)s octets is too short to be one. Copy it anew."),
    "ds_old": _l("There are digests of an old kind only (SHA-1). Add one of the type 2 (SHA-256)."),
    # Targets
    "ns_nowhere": _l("The name server %(target)s has no address. Add A or AAAA for it, or correct its name."),
    "mx_nowhere": _l("The mail server %(target)s has no address: mail would not come. Add one, or correct its name."),
    "target_nowhere": _l("%(target)s lies in this zone, but is not there. Add it, or correct the name."),
    "dangling": _l("%(target)s lies in a zone served here, but is not there. Correct the name, or remove the record."),
    "ns_alias": _l("The name server %(target)s is an alias, which is not allowed. Give the name behind it."),
    "mx_alias": _l("The mail server %(target)s is an alias, which is not allowed. Give the name behind it."),
    "srv_alias": _l("The host %(target)s is an alias; some programs do not follow it. Give the name behind it."),
    "target_is_address": _l("%(target)s is an address where a name is needed. Give the name of the host."),
    "target_doubled": _l("The target is now %(target)s. If %(meant)s is meant, put a dot at its end."),
    "target_host": _l("%(target)s is no usual name of a host: letters, digits and hyphens. Some programs refuse it."),
    "site_gone": _l(
        "%(host)s leads to our web server, but no site answers for it. Remove it: somebody else's site could appear"
        " there."
    ),
    # Addresses
    "address_private": _l("%(address)s is reached from inside a network only. In public DNS give the public address."),
    "address_unusable": _l("%(address)s is no address of a host that others could reach. Correct it."),
    # Mail
    "null_mx_beside": _l("“No mail here” (0 .) stands beside mail servers. Remove either."),
    "mx_double": _l("The mail server %(target)s stands here twice. Leave the one with the right preference."),
    "mta_sts_syntax": _l("Write it once, as “v=STSv1; id=20261123”: the id of letters and digits, at most 32."),
    "mta_sts_host": _l("The policy is fetched from %(host)s, which is not there. Add it, or remove this record."),
    "tls_rpt_syntax": _l("Write it once, as “v=TLSRPTv1; rua=mailto:tls@example.org”."),
    "spf_many": _l("There are %(number)s SPF texts, which counts as none. Put all of them into one."),
    "spf_syntax": _l("SPF: “%(term)s” is no term, so the whole text counts as none. Correct it."),
    "spf_lookups": _l(
        "SPF asks at least %(number)s times, at most %(most)s are allowed. Replace names by ip4: and ip6:."
    ),
    "spf_loop": _l("SPF comes back to %(target)s and so asks for ever. Take out the include that leads back."),
    "spf_include_none": _l("SPF includes %(target)s, which has no SPF text. Take it out, or correct the name."),
    "spf_like": _l("“%(text)s” looks like SPF, but does not begin with “v=spf1 ” and so counts for nothing."),
    "spf_long": _l(
        "The SPF text has %(number)s characters; from %(most)s on some receivers do not get it. Shorten it."
    ),
    "spf_open_end": _l("SPF says nothing about all other senders. End it with -all or ~all."),
    "spf_after_all": _l("SPF: “%(term)s” counts for nothing beside “all”. Put it before “all”, or take it out."),
    "spf_pass_all": _l("SPF allows everybody to send (+all). End it with -all or ~all."),
    "spf_ptr": _l("SPF: “ptr” is slow and no longer to be used. Name the servers by a, mx or ip4."),
    "dmarc_many": _l("There are %(number)s DMARC texts, which counts as none. Leave one."),
    "dmarc_like": _l("“%(text)s” is no DMARC text. Begin it with “v=DMARC1; ”."),
    "dmarc_syntax": _l(
        "DMARC: “%(tag)s” cannot be read. Correct it; addresses are written as mailto:name@example.org."
    ),
    "dmarc_unknown": _l("DMARC knows no tag “%(tag)s”; receivers pass over it. Correct it, or take it out."),
    "dmarc_old": _l("DMARC: the tag “%(tag)s” is no longer used (RFC 9989). Take it out."),
    "dmarc_no_policy": _l("DMARC has no policy, which counts as p=none. Add p=none, p=quarantine or p=reject."),
    "dmarc_report": _l("%(domain)s does not say that it takes these reports. Add there: %(record)s TXT v=DMARC1."),
    "dkim_many": _l("There are %(number)s keys for one selector. Leave one; a new key gets a new selector."),
    "dkim_syntax": _l("This is no DKIM key. Write it as “v=DKIM1; k=rsa; p=…”."),
    "dkim_key": _l("The key after p= cannot be read (%(kind)s). Copy the whole of it anew."),
    "dkim_too_weak": _l("The key has %(bits)s bits; below %(least)s nobody takes it. Make a new one."),
    "dkim_weak": _l("The key has %(bits)s bits; make one of %(least)s at the next change."),
    "dkim_testing": _l("t=y says that the key is only being tried: signatures count for nothing. Take it out."),
    # Certificates
    "caa_syntax": _l("“%(text)s” cannot be read as %(tag)s. Give the domain of the authority, ; or mailto:."),
    "caa_critical": _l("No authority knows the tag %(tag)s, and 128 says that it must: nobody would issue."),
    "caa_unknown": _l("No authority knows the tag %(tag)s. Usual ones are issue, issuewild and iodef."),
    "caa_flags": _l("The flags %(flags)s mean nothing. Give 0 or 128."),
    "tlsa_numbers": _l("The numbers %(text)s mean nothing. For mail servers give 3 1 1."),
    "tlsa_name": _l("TLSA stands at a port and protocol, such as _25._tcp.mail. Here nobody asks for it."),
    # Services
    "svcb_mixed": _l("An alias (priority 0) stands beside services; programs pass over one of them. Remove either."),
    "srv_name": _l("SRV stands at a service and protocol, such as _imaps._tcp. Here nobody asks for it."),
    "srv_none_beside": _l("“No such service” (.) stands beside hosts. Remove either."),
    "naptr_both": _l("A NAPTR has an expression or a replacement, not both: %(text)s."),
    "naptr_expression": _l("%(text)s is no expression. Write it as !expression!replacement!, as in the example."),
    "ptr_forward": _l("PTR belongs into a reverse zone (in-addr.arpa, ip6.arpa). Here nobody asks for it."),
    "ptr_many": _l("One address has %(number)s names here. Programs look at one; leave the main one."),
    "ptr_name": _l("%(name)s is not the name of a whole address. Nobody asks for it."),
}
_NOTES: dict[str, Any] = {
    "double": _l("Records that stand there more than once are taken once."),
    "ttl_differs": _l(
        "Records of one name and type had different times (TTL). All have that of the first, as in BIND."
    ),
    "ttl_of_soa": _l("No time (TTL) was said before the first record: that of negative answers is taken, as in BIND."),
    "generated_left_out": _l("%(about)s is made by name servers: ours makes its own, so these were left out."),
}


def remark_words(code: str, params: Mapping[str, Any]) -> str:
    """Say a remark of the lint in the reader's language, and what to do."""
    return str(_REMARKS[code]) % params if code in _REMARKS else code


def note_words(code: str, params: Mapping[str, Any]) -> str:
    """Say what was done with records of a zone file without being asked."""
    return str(_NOTES[code]) % params if code in _NOTES else code


def known_remarks() -> frozenset[str]:
    """Every code of the lint that has words."""
    return frozenset(_REMARKS)


def known_notes() -> frozenset[str]:
    """Every code of a note that has words."""
    return frozenset(_NOTES)
