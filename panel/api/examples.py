"""An example of the body of every operation that must be given one: shown by the description, and run by the tests.

Ids stand for things of the reader's own: MEMBER for a member, and so on. An operation that must be given a body and
has no example here is found by the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MEMBER = "01930f5c-1000-7000-8000-000000000001"
MAILBOX = "01930f5c-1000-7000-8000-000000000002"
DIGEST = "3f0a" * 16

IDS: Mapping[str, str] = {MEMBER: "member", MAILBOX: "mailbox"}
"""Ids in examples → what they are ids of."""

_ITEM = {"service": "EMAIL", "quantity": 10, "unit_price": "12.50", "discount_percent": "5"}

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "create_member": {"name": "Szkoła Podstawowa nr 2", "kind": "school", "slug": "sp2", "parent_id": MEMBER},
    "change_member": {"e_delivery_address": "AE:PL-12345-67890-ABCDE-12"},
    "create_contract": {
        "member_id": MEMBER,
        "number": "WOKISS/2026/117",
        "signed_on": "2026-11-02",
        "starts_on": "2026-12-01",
        "ends_on": "2028-11-30",
        "items": [_ITEM],
    },
    "change_contract": {"notice_days": 60},
    "suspend_contract": {"level": "no_send", "reason": "Faktura 11/2026 nie jest zapłacona."},
    "end_contract": {"ended_on": "2030-06-30"},
    "add_amendment": {
        "number": "Aneks 1",
        "signed_on": "2026-12-10",
        "effective_on": "2027-01-01",
        "items": [_ITEM],
        "note": "Dziesięć skrzynek więcej.",
    },
    "plan_contract_steps": {
        "steps": [{"level": "no_new", "takes_on": "2030-01-10"}, {"level": "no_send", "takes_on": "2030-01-24"}],
        "reason": "Faktura 11/2026 nie jest zapłacona.",
    },
    "finish_contract_task": {"note": "Umowa przedłużona aneksem 1."},
    "create_order": {"member_id": MEMBER, "items": [{"service": "EMAIL", "quantity": 10}]},
    "approve_order": {"number": "Aneks 2", "effective_on": "2027-01-01"},
    "refuse_order": {"reason": "Umowa kończy się w tym miesiącu."},
    "erase_user": {"reason": "Wniosek z 3 listopada"},
    "erase_by_name": {"name": "Jan Nowak", "emails": ["jan.nowak@gmina.example"], "reason": "Wniosek z 3 listopada"},
    "create_mail_domain": {"name": "poczta.gmina.example", "member_id": MEMBER},
    "create_mailbox": {"member_id": MEMBER, "address": "anna.nowak@info.wokiss.pl", "quota_mb": 2048},
    "create_mailboxes": {
        "mailboxes": [
            {"member_id": MEMBER, "address": "jan.kowalski@info.wokiss.pl"},
            {"member_id": MEMBER, "address": "maria.lis@info.wokiss.pl", "quota_mb": 4096},
        ]
    },
    "change_many_mailboxes": {"action": "quota", "ids": [MAILBOX], "quota_mb": 4096, "dry_run": True},
    "change_mailbox": {"quota_mb": 4096},
    "rename_mailbox": {"address": "anna.kowalska@info.wokiss.pl"},
    "take_over_mailbox": {"successor": "Jan Kowalski", "authority": "Zarządzenie 14/2026 Wójta"},
    "restore_from_backup": {"mailbox_id": MAILBOX, "into": "Odzyskane"},
    "restore_mail_of_mailbox": {"into": "Odzyskane"},
    "approve_plan": {"digest": DIGEST},
    "approve_repair": {"digest": DIGEST},
    "keep_difference": {"reason": "Zmieniono na serwerze podczas awarii.", "until": "2026-12-31"},
    "create_token": {"role": "member_admin", "member_id": MEMBER, "name": "System kadrowy", "expires_in_days": 180},
    "invite_person": {"email": "jan.kowalski@gmina.example", "role": "member_editor", "member_id": MEMBER},
    "change_user": {"name": "Anna Nowak-Kowalska"},
    "change_email": {"email": "anna.kowalska@gmina.example"},
    "grant_role": {"role": "member_editor", "member_id": MEMBER},
    "add_provider": {
        "name": "Urząd Miasta Kościan",
        "issuer": "https://login.koscian.example/realms/urzad",
        "client_id": "cis-panel",
        "member_ids": [MEMBER],
    },
    "create_webhook": {
        "url": "https://example.com/hooks/cis",
        "name": "System kadrowy",
        "member_id": MEMBER,
        "events": ["mail:mailbox"],
    },
    "change_webhook": {"active": False},
    "create_zone": {
        "member_id": MEMBER,
        "name": "gmina-nowa.pl",
        "template": "gmina",
        "values": {"address": "192.0.2.10", "address6": "2001:db8::10"},
        "comment": "Nowa domena gminy",
    },
    "create_zones": {
        "zones": [
            {"member_id": MEMBER, "name": "sp1-nowa.pl", "template": "parked"},
            {
                "member_id": MEMBER,
                "name": "sp2-nowa.pl",
                "rrsets": [{"name": "www", "type": "A", "ttl": 3600, "values": ["192.0.2.11"]}],
            },
        ]
    },
    "change_zone": {"soa": {"refresh": 7200}, "dnssec": {"enabled": True}, "comment": "Krótsze odstępy"},
    "put_record_set": {"ttl": 3600, "values": ["192.0.2.12"], "comment": "Nowy serwer WWW", "accept_warnings": True},
    "change_record_sets": {
        "comment": "Przeprowadzka strony",
        "changes": [
            {"name": "strona", "type": "A", "ttl": 600, "values": ["192.0.2.13", "192.0.2.14"]},
            {"name": "stara", "type": "CNAME", "values": None},
        ],
        "accept_warnings": True,
    },
    "revert_zone": {"comment": "Z powrotem", "accept_warnings": True},
    "read_zone_to_import": {
        "name": "gmina-nowa.pl",
        "member_id": MEMBER,
        "text": "$TTL 1h\n@ NS ns1.example.com.\n@ NS ns2.example.com.\nwww A 192.0.2.10\n",
    },
    "take_zone_import_over": {"our_servers": True, "accept_warnings": True, "comment": "Z dawnego serwera"},
    "vouch_for_name": {"reason": "Umowa 12/2026"},
}
"""Operation → body."""
