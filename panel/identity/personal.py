"""Where the panel's tables may hold something about a person, and what erasing the person does with it.

Every column of text in a table that knows people stands here (a test holds it); one that does not is treated as one in
which people may be named: what nobody thought of is searched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, Column, String, Table

ADDRESS, SCAN, FILE, NUMBER, CHAIN = "address", "scan", "file", "number", "chain"
"""Why something stays: the address of an office's mailbox, which the member keeps or removes; a scanned or numbered
document of a contract; the file of an import, which goes by itself within 90 days; an account's number, which says who
did what; the chained record, freed by its own way."""

CLEANED_BY_ITSELF = frozenset({"events", "event_details", "event_chain", "event_anchors", "users"})
"""Tables that ``erasing.py`` frees of a person by a way of their own."""


@dataclass(frozen=True)
class Places:
    """The columns of text of one table, by what becomes of them; each string names columns.

    ``goes``: the whole row, where it is about the person. ``cleaned``: the person's name and addresses are taken out of
    names and free text, whoever wrote it. ``stays``: column → why. ``plain``: codes, digests and figures that tell of
    nobody.
    """

    goes: bool = False
    cleaned: str = ""
    stays: tuple[tuple[str, str], ...] = ()
    plain: str = ""

    @property
    def columns(self) -> frozenset[str]:
        """All that are named."""
        return frozenset([*self.cleaned.split(), *self.plain.split(), *(name for name, _why in self.stays)])


PLACES: Mapping[str, Places] = {
    "activation_links": Places(plain="digest"),
    "alarms": Places(cleaned="params", plain="key code"),
    "aliases": Places(cleaned="problem_message", stays=(("address", ADDRESS),), plain="want seen_how problem_code"),
    "amendments": Places(cleaned="note", stays=(("number", SCAN),)),
    "api_tokens": Places(cleaned="name", plain="digest role kinds networks"),
    "attachments": Places(stays=(("file_name", SCAN),), plain="media_type sha256"),
    "attempts": Places(goes=True, plain="what sort key network"),
    "backup_places": Places(plain="place"),
    "closings": Places(plain="reason"),
    "contract_items": Places(plain="service_code"),
    "contract_steps": Places(stays=(("cancelled_by", NUMBER),), plain="why level"),
    "contract_tasks": Places(cleaned="done_by note"),
    "contracts": Places(cleaned="suspended_reason suspended_contact", stays=(("number", SCAN),), plain="suspended"),
    "differences": Places(
        cleaned="reason decided_by",
        stays=(("key", ADDRESS), ("name", ADDRESS)),
        plain="kind what differs wanted found found_digest secrets state",
    ),
    "domain_names": Places(plain="space name path"),
    "email_changes": Places(goes=True, plain="old_email new_email"),
    "event_anchors": Places(plain="digest signature"),
    "event_chain": Places(plain="details_digest digest"),
    "event_details": Places(
        stays=(("actor_name", CHAIN), ("resource_name", CHAIN), ("data", CHAIN)), plain="salt erased"
    ),
    "events": Places(stays=(("actor", NUMBER), ("on_behalf_of", NUMBER)), plain="tag resource_kind"),
    "hand_overs": Places(goes=True),
    "holder_sessions": Places(plain="digest password_mark"),
    "invitations": Places(goes=True, cleaned="email name folded inviter_name", plain="role language inviter_ref"),
    "jobs": Places(cleaned="log params", stays=(("actor", NUMBER),), plain="cause resource_kind state counts"),
    "kept_answers": Places(cleaned="body", stays=(("actor", NUMBER),), plain="key digest location"),
    "mail_domains": Places(cleaned="problem_message", plain="name want seen_how problem_code"),
    "mail_restores": Places(cleaned="name folder into message", plain="snapshot state code"),
    "mailbox_holders": Places(cleaned="name authority"),
    "mailboxes": Places(
        cleaned="problem_message", stays=(("address", ADDRESS),), plain="password_hash want seen_how problem_code"
    ),
    "member_tree": Places(plain="mark"),
    "members": Places(
        cleaned="address contacts grade_reason grade_contact grade_notice",
        plain="name kind official_kind teryt county voivodeship_code nip regon rspo slug e_delivery_address folded"
        " grade",
    ),
    "messages": Places(goes=True, cleaned="email problem", plain="code language state"),
    "name_proofs": Places(cleaned="settled_by reason", plain="name token state how finding"),
    "names": Places(stays=(("name", ADDRESS),), plain="space kind likeness"),
    "node_backups": Places(cleaned="message", plain="state snapshot code"),
    "import_rows": Places(stays=(("folded", FILE), ("problems", FILE)), plain="state would verdict"),
    "imports": Places(
        cleaned="file_name actor_name", stays=(("actor", NUMBER), ("committed_by", NUMBER)),
        plain="kind state claim columns mapping problems counts",
    ),
    "nodes": Places(
        cleaned="problem_message",
        plain="name address hostname roles host_key host_key_fingerprint certificate agent_version release versions"
        " problem_code lease_owner health",
    ),
    "notice_preferences": Places(goes=True, plain="topic choice"),
    "notices": Places(goes=True, cleaned="email params", plain="code language permission link_purpose"),
    "oidc_links": Places(goes=True, plain="subject"),
    "oidc_providers": Places(plain="name issuer client_id client_secret"),
    "orders": Places(
        cleaned="note reason",
        stays=(("made_by", NUMBER), ("sent_by", NUMBER), ("decided_by", NUMBER)),
        plain="number items state",
    ),
    "orphans": Places(cleaned="problem_message", stays=(("name", ADDRESS),), plain="kind want seen_how problem_code"),
    "passkeys": Places(goes=True, plain="credential_id public_key name transports"),
    "password_resets": Places(goes=True),
    "plans": Places(
        stays=(("requested_by", NUMBER), ("approved_by", NUMBER)), plain="digest reasons counts state"
    ),
    "recovery_codes": Places(goes=True, plain="digest"),
    "released_names": Places(stays=(("name", ADDRESS),), plain="space"),
    "roles": Places(plain="name description"),
    "services": Places(plain="code name name_en unit entitlements"),
    "sign_ins": Places(goes=True, plain="address agent factors"),
    "step_in_actions": Places(cleaned="resource_name values", plain="action"),
    "step_ins": Places(cleaned="reason ticket", plain="ended_by"),
    "usage": Places(plain="kind"),
    "usage_days": Places(plain="kind"),
    "used_challenges": Places(plain="digest"),
    "user_sessions": Places(goes=True, plain="digest former_digest address agent factors ended_why"),
    "users": Places(
        plain="email name folded password language fs_uniquifier tf_primary_method tf_totp_secret last_login_ip"
        " current_login_ip"
    ),
    "voivodeships": Places(plain="code name"),
    "webhook_deliveries": Places(cleaned="tries", plain="tag state"),
    "webhooks": Places(cleaned="name url", plain="kinds events off_reason"),
    "workers": Places(plain="name"),
    "zone_imports": Places(
        cleaned="actor_name",
        stays=(("sets", FILE), ("soa", FILE), ("refusals", FILE), ("notes", FILE), ("actor", NUMBER)),
        plain="name way",
    ),
    "zone_keys": Places(plain="name sealed"),
    "zone_sets": Places(stays=(("rdata", ADDRESS),), plain="name type source"),
    "zone_versions": Places(
        cleaned="comment actor_name", stays=(("actor", NUMBER), ("changes", ADDRESS), ("settings", ADDRESS)),
        plain="digest",
    ),
    "zones": Places(
        cleaned="problem_message", stays=(("soa_rname", ADDRESS),),
        plain="name want seen_how problem_code template updates soa_mname digest held answers silent ds parent_ds"
        " wanted_ds confirmed_ds",
    ),
}  # fmt: skip
"""Of ``users`` the person's own row is blanked; names of other accounts are other people's, alike as they may be."""


def cleaned_columns(table: Table) -> list[Column[Any]]:
    """The columns of a table in which people may be named: those said to be, and those of which nothing is said."""
    known = PLACES.get(table.name, Places())
    aside = known.columns - set(known.cleaned.split())
    return [column for column in table.c if is_text(column) and column.name not in aside]


def staying_columns(table: Table) -> list[tuple[Column[Any], str]]:
    """The columns of a table that keep what they say of a person, and why."""
    known = PLACES.get(table.name, Places())
    return [(table.c[name], why) for name, why in known.stays if why in (ADDRESS, SCAN)]


def is_text(column: Column[Any]) -> bool:
    """Whether a column can say something in words: text, or JSON with texts in it."""
    return isinstance(column.type, String | JSON)
