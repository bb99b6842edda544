"""What a mail domain wants to see in its zone: where its mail goes, who sends for it, where programs find the servers.

MX (RFC 5321 5), SPF (RFC 7208), DMARC (RFC 7489), SRV for programs (RFC 6186, RFC 8314 5.1). DKIM's key is made on the
node; as long as no node tells one, that is noted instead of offered.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select

from panel.kernel.db import db
from panel.ledger.nodes import Node, node_for_role
from panel.ledger.offers import Offer
from panel.mail.models import MailDomain
from provisioning.record_sets import APEX, RecordSet, in_order

TTL = 3_600
DKIM_UNKNOWN = "dkim_unknown"


class MailRecords:
    """Mail domains as a source of records (``panel.ledger.offers.Source``)."""

    kind = "mail"

    def offers(self, names: Collection[str]) -> Sequence[Offer]:
        """What the mail domains at these names, and below them, offer now."""
        asked = frozenset(names)
        query = select(MailDomain.id, MailDomain.name, Node.hostname).join(Node, Node.id == MailDomain.node_id)
        # Mail domains are some hundreds, names may be ten thousand: each domain is looked for among the names.
        return [
            Offer(source=f"mail:{row.id}", name=row.name, sets=mail_sets(row.hostname), notes=(DKIM_UNKNOWN,))
            for row in db.session.execute(query.where(MailDomain.want == "put").order_by(MailDomain.name))
            if not asked.isdisjoint(_and_above(row.name))
        ]

    def usual(self, name: str) -> Sequence[RecordSet]:  # noqa: ARG002 - all domains have the same
        """What a domain of this name would offer; nothing where no node takes mail."""
        node = node_for_role("mail")
        return () if node is None else mail_sets(node.hostname)


def _and_above(name: str) -> list[str]:
    labels = name.split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]


def mail_sets(host: str) -> tuple[RecordSet, ...]:
    """The records of a domain whose mail the node ``host`` takes and sends, relative to the domain."""
    return in_order(
        [
            RecordSet(APEX, "MX", TTL, (f"10 {host}.",)),
            RecordSet(APEX, "TXT", TTL, ('"v=spf1 mx ~all"',)),
            RecordSet("_dmarc", "TXT", TTL, ('"v=DMARC1; p=none"',)),
            RecordSet("_imaps._tcp", "SRV", TTL, (f"0 1 993 {host}.",)),
            RecordSet("_submissions._tcp", "SRV", TTL, (f"0 1 465 {host}.",)),
        ]
    )
