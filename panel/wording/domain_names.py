"""Whose domain names are, how that is shown, and what is wrong with zones that come from elsewhere."""

from __future__ import annotations

from panel.kernel.i18n import _l

NAME_TEXTS = {
    "zone_syntax": _l("Give a name such as gmina.pl: letters, digits and hyphens, with dots between."),
    "zone_too_long": _l("This name is too long: 253 characters at most, 63 between two dots."),
    "zone_not_ascii": _l("This name holds letters that no domain name can have."),
    "zone_control": _l("This name holds characters that cannot be seen. Type it anew."),
    "name_public_suffix": _l(
        "Everybody registers names under %(name)s, so nobody can have it as a whole. Give the name that was registered."
    ),
    "name_others": _l(
        "%(name)s is somebody else's, or lies above or below a name that is. Ask the association if it is yours."
    ),
    "name_released": _l(
        "%(name)s, or the name above it, was another member's not long ago and waits for that member for %(years)s"
        " years. The association can give it all the same, for a reason that is kept on record."
    ),
    "proven_already": _l("Nothing is to be shown for %(name)s any more."),
    "axfr_forbidden": _l("This server cannot be asked: its address is not a public one, or is one of ours."),
    "axfr_unreachable": _l("There is no such server, or it does not answer. Check its name."),
    "axfr_slow": _l("The server took too long. Try again, or upload the zone as a file."),
    "axfr_refused": _l(
        "The server does not give the zone away. Have whoever runs it allow the transfer (AXFR) to the panel's address,"
        " with a key if they want one, or upload the zone as a file."
    ),
    "axfr_key_bad": _l("This is no key: give its name, and its secret as it stands in the old server's configuration."),
    "axfr_key_refused": _l("The server does not know this key, or knows another secret or algorithm for it."),
    "axfr_key_wrong": _l("The answer is not signed with this key, or the clocks differ. Nothing was taken over."),
    "axfr_absent": _l("The server does not have this zone. Check the name and the server."),
    "axfr_broken": _l("The server broke off, or answered what is no transfer. Nothing was taken over."),
    "axfr_large": _l(
        "The zone is larger than %(records)s records or %(megabytes)s MB. Ask the association to move it."
    ),
    "import_refusals": _l(
        "Lines were refused. Correct them, or say that the others are to be taken over without them."
    ),
    "address_bad": _l("This is no IPv4 address. One looks like 192.0.2.10."),
    "address6_bad": _l("This is no IPv6 address. One looks like 2001:db8::10."),
    "network_bad": _l("This is no network. One looks like 192.0.2.0/24 or 2001:db8::/32."),
    "network_large": _l("The names of this network would be in too many zones. Give its parts one by one."),
    "ptr_type": _l("Only addresses (A, AAAA) have names that can follow them."),
    "ptr_wildcard": _l("A name with an asterisk stands for many, so an address cannot be called by it."),
    "ptr_no_zone": _l("The reverse zone of this address is not on our servers. Create it first."),
    "zone_twice": _l("Another file is the zone %(name)s already. Leave one of them out."),
    "files_many": _l("At most %(most)s files at once."),
}

_FINDINGS = {
    "": _l("Nobody looked yet."),
    "txt_missing": _l("There is no such text record yet, or it cannot be seen everywhere yet."),
    "txt_other": _l("There is a text record, but it says something else."),
    "ns_before": _l(
        "The name is delegated to our servers, but was so before you asked for it here. Only the text record, or the"
        " association, can show whose it is."
    ),
    "no_answer": _l("No name server answered. The panel asks again."),
}


def finding_words(code: str) -> str:
    """Say what was seen instead of a proof."""
    return str(_FINDINGS.get(code, code))
