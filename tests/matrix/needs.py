"""What each page and each operation needs: the one table that the matrix believes.

A new route wants a line here: its name (endpoint of a page, handler of an operation) and the permission it declares.
Ids in addresses are filled in by their argument's name, or by the collection in front of ``<uuid:id>``
(``rows.KINDS``); what else a request must carry stands in ``args`` (other parts of the address), ``query`` and
``body``. In these a text ``{kind}`` becomes the id of that kind at the place asked about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Need:
    """``permission`` None: whoever is signed in; ``public``: everybody; ``staff``: on the whole association.

    ``names``: filters by an id or a member in the address of a page. ``lists``: the kind of which it must show all
    rows in reach and no other. ``tells``: places of which it may name a member (its parent). ``also``: a permission
    asked for besides, ``by_post``: one that sending the form needs. ``makers``: rows are their maker's alone, but for
    staff; ``private``: nobody else's at all. ``hides``: what one may not do this with is absent, also where one may
    see it. ``no_staff``: for the member's own people alone. ``inside``: in a member's view only. ``look``: what
    looking at the form needs on the row itself, where that is less than sending it. ``holder``: for a mailbox's holder.
    """

    permission: str | None = None
    staff: bool = False
    public: bool = False
    args: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    lists: str | None = None
    tells: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()
    also: str | None = None
    by_post: str | None = None
    makers: bool = False
    private: bool = False
    hides: bool = False
    no_staff: bool = False
    inside: bool = False
    look: str | None = None
    holder: bool = False


PUBLIC, SIGNED_IN, PRIVATE, HOLDER = Need(public=True), Need(), Need(private=True), Need(holder=True)
TELLS_PARENT = frozenset({"above"})


def needs(permission: str, **more: Any) -> Need:
    """The need of ``permission`` on the member that the request is about."""
    return Need(permission=permission, **more)


def staff(permission: str, **more: Any) -> Need:
    """The need of ``permission`` on the whole association."""
    return Need(permission=permission, staff=True, **more)


PAGES: dict[str, Need] = {
    "dashboard.show": SIGNED_IN,
    "search.show": SIGNED_IN,
    "account.show": SIGNED_IN,
    "account.confirm": SIGNED_IN,
    "needs.show_list": staff("members:read"),
    "members.show_list": needs("members:read", lists="member"),
    "members.download": needs("members:read"),
    "members.show": needs("members:read", tells=TELLS_PARENT),
    "members.create": staff("members:write", names=("parent",)),
    "members.edit": staff("members:write"),
    "members.choose": needs("members:read", args={"purpose": "mailbox"}, also="mail:write"),
    "contracts.show_list": needs("contracts:read", lists="contract", names=("member",)),
    "contracts.download": needs("contracts:read", names=("member",)),
    "contracts.services": needs("services:read"),
    "contracts.show": needs("contracts:read"),
    "contracts.scan": needs("contracts:read"),
    "contracts.create": staff("contracts:write", query={"member": "{member}"}),
    "contracts.edit": staff("contracts:write"),
    "contracts.amend": staff("contracts:write"),
    "contracts.attach": staff("contracts:write"),
    "contract.suspend": staff("contracts:write"),
    "contract.resume": staff("contracts:write"),
    "contract.end": staff("contracts:write"),
    "mail.show_list": needs("mail:read", lists="mailbox", names=("member", "domain")),
    "mail.download": needs("mail:read", names=("member",)),
    "mail.show": needs("mail:read"),
    "mail.create": needs("mail:write", query={"member": "{member}"}),
    "mail.show_domains": needs("mail:read"),
    "mail.show_domain": needs("mail:read"),
    "mail.create_domain": staff("mail:write"),
    "mailbox.quota": needs("mail:write"),
    "mailbox.password": needs("mail:password"),
    "mailbox.link": needs("mail:password"),
    "mailbox.rename": needs("mail:write"),
    "mailbox.suspend": needs("mail:write"),
    "mailbox.resume": needs("mail:write"),
    "mailbox.remove": needs("mail:write"),
    "mailbox.restore": needs("mail:write"),
    "activation.show": PUBLIC,
    "activation.done": PUBLIC,
    "nodes.show_list": staff("nodes:read"),
    "nodes.show": staff("nodes:read"),
    "nodes.check": staff("jobs:write"),
    "nodes.show_plan": staff("nodes:read", by_post="plans:approve"),
    "nodes.show_repair": staff("drift:write"),
    "differences.show_list": staff("nodes:read"),
    "differences.show": staff("nodes:read"),
    "differences.keep": staff("drift:write"),
    "differences.adopt": staff("drift:write"),
    "differences.overwrite": staff("drift:write"),
    "jobs.show_list": staff("jobs:read"),
    "jobs.show_plots": staff("jobs:read"),
    "jobs.show": needs("jobs:read"),
    "jobs.ask_cancel": staff("jobs:write"),
    "jobs.cancel": staff("jobs:write"),
    "jobs.retry": staff("jobs:write"),
    "events.show_list": staff("events:read"),
    "events.download": staff("events:read"),
    "timeline.show": needs("events:read", args={"kind": "mailbox", "resource_id": "{mailbox}"}),
    "health.alive": PUBLIC,
    "health.ready": PUBLIC,
    "metrics.show": PUBLIC,
    "security.login": PUBLIC,
    "security.logout": PUBLIC,
    "static": PUBLIC,
    "bootstrap.static": PUBLIC,
    "account.confirm_by_passkey": SIGNED_IN,
    "account.end_one": PRIVATE,
    "account.end_others": SIGNED_IN,
    "account.passkey_options": SIGNED_IN,
    "account.sign_ins": SIGNED_IN,
    "account.download_sign_ins": SIGNED_IN,
    "account.password": SIGNED_IN,
    "factors.add_passkey": SIGNED_IN,
    "factors.passkey_options": SIGNED_IN,
    "factors.recovery_codes": SIGNED_IN,
    "factors.remove_passkey": PRIVATE,
    "factors.remove_totp": SIGNED_IN,
    "factors.rename_passkey": PRIVATE,
    "factors.set_up": SIGNED_IN,
    "second_step.options": PUBLIC,
    "second_step.passkey": PUBLIC,
    "second_step.recover": PUBLIC,
    "second_step.show": PUBLIC,
    "invitations.show_list": needs("users:read", lists="invitation"),
    "invitations.download": needs("users:read", names=("member",)),
    "invitations.create": needs("users:invite"),
    "invitations.resend": needs("users:invite", hides=True),
    "invitations.ask_withdraw": needs("users:invite", hides=True),
    "invitations.withdraw": needs("users:invite", hides=True),
    "joining.show": PUBLIC,
    "resets.ask": PUBLIC,
    "resets.show": PUBLIC,
    "history.show": needs("events:read", names=("member",)),
    "history.download": needs("events:read", names=("member",)),
    "history.staff": needs("events:read", names=("member",)),
    "history.change": needs("events:read"),
    "history.agree": needs("stepin:agree", no_staff=True),
    "history.refuse": needs("stepin:agree", no_staff=True),
    "history.end": needs("stepin:agree", hides=True),
    "contract.plan": staff("contracts:write"),
    "contract.undo_step": staff("contracts:write"),
    "contract_tasks.done": staff("contracts:write"),
    "contract_tasks.show_list": staff("contracts:write"),
    "handing_over.show": needs("users:write"),
    "lockouts.clear": staff("users:write"),
    "lockouts.download": staff("users:read"),
    "lockouts.show_list": staff("users:read"),
    "orders.show_list": needs("orders:read", lists="order", names=("member",)),
    "orders.download": needs("orders:read", names=("member",)),
    "orders.show": needs("orders:read"),
    "orders.create": needs("orders:write", look="members:read", query={"member": "{member}"}),
    "orders.approve": staff("orders:approve"),
    "orders.refuse": staff("orders:approve"),
    "orders.withdraw": needs("orders:write", look="orders:read"),
    "outside.accept": PUBLIC,
    "outside.callback": PUBLIC,
    "outside.sign_in": PUBLIC,
    "outside.link": SIGNED_IN,
    "outside.show": SIGNED_IN,
    "outside.unlink": PRIVATE,
    "preferences.show": SIGNED_IN,
    "providers.create": staff("users:write"),
    "providers.edit": staff("users:write"),
    "providers.download": staff("users:read"),
    "providers.try_it": staff("users:write"),
    "providers.remove": staff("users:write"),
    "providers.show_list": staff("users:read"),
    "records.erase": staff("records:erase"),
    "records.export": staff("records:export"),
    "users.show_list": needs("users:read", lists="user", names=("member",)),
    "users.download": needs("users:read", names=("member",)),
    "users.show": needs("users:read", hides=True),
    "users.grant": needs("users:write", hides=True, body={"role": "member_editor", "member_id": "{member}"}),
    "users.revoke": needs("users:write", hides=True),
    "users.rename": needs("users:write", hides=True),
    "users.activate": needs("users:write", hides=True),
    "users.deactivate": needs("users:write", hides=True),
    "helping.reset": needs("users:write", hides=True),
    "helping.email": needs("users:write", hides=True),
    "helping.keep_email": needs("users:write", hides=True),
    "helping.factors": needs("users:write", hides=True),
    "own_email.ask": SIGNED_IN,
    "own_email.withdraw": SIGNED_IN,
    "own_email.confirm": PUBLIC,
    "own_email.undo": PUBLIC,
    "own_mailbox.sign_in": PUBLIC,
    "own_mailbox.sign_out": PUBLIC,
    "own_mailbox.show": HOLDER,
    "own_mailbox.password": HOLDER,
    "stepping_in.show": Need(also="events:read"),
    "stepping_in.enter": needs("stepin:enter"),
    "stepping_in.ask": SIGNED_IN,
    "stepping_in.carry_out": Need(inside=True),
    "stepping_in.leave": Need(also="events:read"),
    "stepping_in.over": SIGNED_IN,
    "mailbox.take_over": needs("mail:takeover"),
    "mailbox.hand_back": needs("mail:takeover"),
    "live.job": needs("jobs:read"),
    "live.job_list": staff("jobs:read", query={"id": "{job}"}),
    "live.mailbox": needs("mail:read"),
    "live.mailbox_list": needs("mail:read", query={"id": "{mailbox}"}),
    "live.domain": needs("mail:read"),
    "live.delivery": needs("webhooks:read"),
    "webhooks.show_list": needs("webhooks:read", lists="webhook", names=("member",)),
    "webhooks.create": needs("webhooks:write"),
    "webhooks.show": needs("webhooks:read"),
    "webhooks.show_delivery": needs("webhooks:read"),
    "webhooks.edit": needs("webhooks:write"),
    "webhooks.switch": needs("webhooks:write"),
    "webhooks.rotate": needs("webhooks:write"),
    "webhooks.remove": needs("webhooks:write"),
    "webhooks.test": needs("webhooks:write"),
    "webhooks.resend": needs("webhooks:write"),
}

OPERATIONS: dict[str, Need] = {
    "list_members": needs("members:read", lists="member", tells=TELLS_PARENT),
    "create_member": staff("members:write", body={"name": "Nowy", "kind": "other", "parent_id": "{member}"}),
    "show_member": needs("members:read", tells=TELLS_PARENT),
    "change_member": staff("members:write", body={"name": "Zmieniony"}),
    "list_entitlements": needs("entitlements:read", query={"member_id": "{member}"}),
    "list_contracts": needs("contracts:read", lists="contract"),
    "create_contract": staff("contracts:write", body={"member_id": "{member}", "number": "N/1"}),
    "show_contract": needs("contracts:read"),
    "change_contract": staff("contracts:write"),
    "suspend_contract": staff("contracts:write", body={"level": "no_send"}),
    "resume_contract": staff("contracts:write"),
    "end_contract": staff("contracts:write"),
    "add_amendment": staff("contracts:write"),
    "add_attachment": staff("contracts:write"),
    "read_attachment": needs("contracts:read"),
    "list_services": needs("services:read"),
    "list_mail_domains": needs("mail:read"),
    "show_mail_domain": needs("mail:read"),
    "create_mail_domain": staff("mail:write", body={"member_id": "{member}", "name": "nowa.test", "shared": False}),
    "list_mailboxes": needs("mail:read", lists="mailbox"),
    "show_mailbox": needs("mail:read"),
    "create_mailbox": needs("mail:write", body={"member_id": "{member}", "address": "nowa@info.wokiss.pl"}),
    "create_mailboxes": needs(
        "mail:write", body={"mailboxes": [{"member_id": "{member}", "address": "nowa@info.wokiss.pl"}]}
    ),
    "change_mailbox": needs("mail:write", body={"quota_mb": 2000}),
    "remove_mailbox": needs("mail:write"),
    "rename_mailbox": needs("mail:write", body={"address": "inna@info.wokiss.pl"}),
    "renew_activation": needs("mail:password"),
    "suspend_mailbox": needs("mail:write"),
    "resume_mailbox": needs("mail:write"),
    "restore_mailbox": needs("mail:write"),
    "restore_mail_of_mailbox": needs("mail:restore"),
    "list_nodes": staff("nodes:read"),
    "show_node": staff("nodes:read"),
    "show_plan": staff("nodes:read"),
    "approve_plan": staff("plans:approve"),
    "check_node": staff("jobs:write"),
    "list_differences": staff("nodes:read"),
    "show_repair": staff("nodes:read"),
    "approve_repair": staff("drift:write"),
    "show_difference": staff("nodes:read"),
    "keep_difference": staff("drift:write"),
    "adopt_difference": staff("drift:write"),
    "overwrite_difference": staff("drift:write"),
    "list_backups": staff("nodes:read"),
    "show_backup": staff("nodes:read"),
    "back_up_node": staff("jobs:write"),
    "restore_from_backup": staff("mail:restore", also="nodes:read", body={"mailbox_id": "{mailbox}"}),
    "list_jobs": needs("jobs:read", lists="job"),
    "show_job": needs("jobs:read"),
    "retry_job": needs("jobs:write"),
    "cancel_job": needs("jobs:write"),
    "list_events": needs("events:read"),
    "list_tokens": needs("tokens:read"),
    "create_token": needs("tokens:write", body={"role": "member_editor", "member_id": "{member}"}),
    "revoke_token": needs("tokens:write", makers=True),
    "list_roles": SIGNED_IN,
    "search_everything": Need(query={"q": "info"}),
    "list_invitations": needs("users:read", lists="invitation"),
    "show_invitation": needs("users:read", hides=True),
    "invite_person": needs("users:invite", body={"member_id": "{member}", "role": "member_editor"}),
    "resend_invitation": needs("users:invite", hides=True),
    "withdraw_invitation": needs("users:invite", hides=True),
    "list_users": needs("users:read", lists="user"),
    "show_user": needs("users:read", hides=True),
    "change_user": needs("users:write", hides=True, body={"name": "Nowe Nazwisko"}),
    "change_email": needs("users:write", hides=True, body={"email": "nowy.adres@asker.test"}),
    "keep_email": needs("users:write", hides=True),
    "list_providers": staff("users:read"),
    "add_provider": staff("users:write", body={"issuer": "https://nowy.test"}),
    "show_provider": staff("users:read"),
    "change_provider": staff("users:write"),
    "remove_provider": staff("users:write"),
    "try_provider_now": staff("users:write"),
    "grant_role": needs("users:write", body={"role": "member_editor", "member_id": "{member}"}),
    "revoke_grant": needs("users:write", hides=True),
    "list_contract_tasks": needs("contracts:read"),
    "finish_contract_task": staff("contracts:write"),
    "list_contract_steps": needs("contracts:read"),
    "plan_contract_steps": staff("contracts:write"),
    "cancel_contract_step": staff("contracts:write"),
    "take_over_mailbox": needs("mail:takeover", body={"successor": "Jan Nowak", "authority": "Zarządzenie 1/2027"}),
    "hand_back_mailbox": needs("mail:takeover"),
    "list_orders": needs("orders:read", lists="order"),
    "create_order": needs("orders:write", body={"member_id": "{member}"}),
    "show_order": needs("orders:read"),
    "send_order": needs("orders:write"),
    "approve_order": staff("orders:approve"),
    "refuse_order": staff("orders:approve"),
    "withdraw_order": needs("orders:write"),
    "list_step_ins": needs("events:read", lists="step_in"),
    "list_webhooks": needs("webhooks:read", lists="webhook"),
    "create_webhook": needs("webhooks:write", body={"member_id": "{member}", "url": "https://example.com/hook"}),
    "show_webhook": needs("webhooks:read"),
    "change_webhook": needs("webhooks:write"),
    "remove_webhook": needs("webhooks:write"),
    "rotate_webhook_secret": needs("webhooks:write"),
    "test_webhook": needs("webhooks:write"),
    "list_webhook_deliveries": needs("webhooks:read"),
    "show_webhook_delivery": needs("webhooks:read"),
    "resend_webhook_delivery": needs("webhooks:write"),
}
