"""Every kind of resource, and who looks at it: what the engine is told of the packages that it does not know.

A new kind is one row here, and one in LOOKERS for the role of nodes that have it (docs/decisions/0045).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from panel.dns import desired as zones
from panel.dns.adoption import ZoneAdopter
from panel.dns.adoption import explain as zone_difference
from panel.dns.looking import DnsLooker, secondary_silent
from panel.dns.looking import told as zone_told
from panel.dns.models import Zone
from panel.dns.parents import ds_awaited, ds_mismatched, signatures_expiring
from panel.dns.servers import PRIMARY
from panel.engine.kinds import Comparison, Kind, Looker, Making
from panel.ledger.nodes import Node
from panel.ledger.orphans import Orphan, orphan_item
from panel.mail import desired
from panel.mail.adoption import DomainAdopter, MailboxAdopter
from panel.mail.looking import MailLooker
from panel.mail.models import Alias, Mailbox, MailDomain

KINDS = (
    Kind(
        name="mail_domain",
        model=MailDomain,
        to_item=desired.domain_item,
        name_of=lambda row: row.name,
        goes_with=desired.domains_with,
        comparison=Comparison(columns=desired.DOMAIN_COLUMNS, name="name"),
        adopter=DomainAdopter(),
    ),
    Kind(
        name="mailbox",
        model=Mailbox,
        to_item=desired.mailbox_item,
        name_of=lambda row: row.address,
        comparison=Comparison(
            columns=desired.MAILBOX_COLUMNS,
            name="address",
            joins=(Mailbox.member,),
            secrets=frozenset({"password_hash"}),
        ),
        adopter=MailboxAdopter(),
    ),
    Kind(
        name="alias",
        model=Alias,
        to_item=desired.alias_item,
        name_of=lambda row: row.address,
        goes_with=desired.aliases_with,
        comparison=Comparison(columns=desired.ALIAS_COLUMNS, name="address", joins=(Alias.mailbox,)),
    ),
    Kind(
        name="zone",
        model=Zone,
        to_item=zones.zone_item,
        name_of=lambda row: row.name,
        comparison=Comparison(columns=zones.COMPARED, name="name", explain=zone_difference),
        adopter=ZoneAdopter(),
        making=Making(columns=zones.COLUMNS, items=zones.zone_items),
        told=zone_told,
        alarms={
            "secondary_silent": secondary_silent,
            "signatures_expiring": signatures_expiring,
            "ds_mismatch": ds_mismatched,
            "ds_awaited": ds_awaited,
        },
    ),
    Kind(name="orphan", model=Orphan, to_item=orphan_item, name_of=lambda row: row.name),
)
"""Every kind of resource, in the order in which a node can take them."""

LOOKERS: Mapping[str, tuple[Sequence[str], Callable[[Node, str], Looker]]] = {
    "mail": (("mail_domain", "mailbox", "alias"), lambda node, source: MailLooker(node, source=source)),
    PRIMARY: (("zone",), lambda node, _source: DnsLooker(node)),
}
"""For each role of nodes: the kinds it serves, and what looks at them from which address."""
