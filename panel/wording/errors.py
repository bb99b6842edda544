"""What went wrong, in a sentence that says what to do."""

from __future__ import annotations

from typing import Any

from babel.dates import format_timedelta

from panel.kernel.errors import PanelError
from panel.kernel.i18n import _l, language
from panel.wording.domain_names import NAME_TEXTS
from panel.wording.import_errors import IMPORT_TEXTS
from panel.wording.names import amount, entitlement_word, permission_word
from panel.wording.record_errors import RECORD_ERRORS
from panel.wording.zones import ZONE_ERRORS

_TEXTS = {
    **IMPORT_TEXTS,
    **NAME_TEXTS,
    **RECORD_ERRORS,
    **ZONE_ERRORS,
    # Reaching things
    "not_found": _l("There is no such thing here, or it is not yours to see."),
    "not_allowed": _l("Your role does not allow this: %(permission)s. Ask your administrator."),
    "role_exceeds": _l("You cannot give a role that may do more than you: %(permission)s."),
    "own_rights": _l("Nobody changes their own rights. Ask somebody else who may."),
    "user_exceeds": _l("This person has rights that you do not have. Ask the association."),
    "erased": _l("This person was erased already."),
    "erase_account": _l("Somebody signs in, or signed in, by this address. Erase that account instead."),
    "whole_name": _l("Give first and last name: one word may be anybody's. Without a name, give an e-mail address."),
    "emails_many": _l("At most %(most)s addresses at a time."),
    "nothing_found": _l("Nothing is kept of such a person. Look for other forms of the name."),
    "anchor_bad": _l("This is no anchor that this panel signed."),
    "last_admin": _l("Nobody would be left to look after the association. Make somebody else administrator first."),
    "until_past": _l("Give a time that is still to come."),
    "code_wrong": _l("This code is not right, or was used already. Wait for the next one and try again."),
    "recovery_code_wrong": _l("This is none of your recovery codes, or it was used already."),
    "passkey_bad": _l("This passkey was not accepted. Try again."),
    "passkey_known": _l("This device or key is set up here already."),
    "passkeys_many": _l("At most %(most)s passkeys. Remove one first."),
    "own_password_wrong": _l("This is not your password."),
    "last_factor": _l("Your role needs a second factor. Set up another one before you remove this one."),
    "fresh_factor_needed": _l("Confirm with a fresh code from your authenticator app first."),
    "too_many_tries": _l("Too many tries. Try again %(wait)s."),
    "closed_inside": _l("In a member's view this is closed. Leave the view first."),
    "inside_already": _l("You are in a member's view in another window. Leave that one first."),
    "own_member": _l("You act for this member yourself, so you need not enter its view."),
    "reason_short": _l("Say it in at least %(least)s characters."),
    "handed_over": _l("You handed this role over already."),
    "own_role_only": _l("Only who is administrator of this very member can hand that role over, and only the own one."),
    "day_range": _l("Give a day from %(least)s to %(most)s."),
    "hand_back_none": _l("There is no earlier holder on record to whom this could be handed back."),
    "hand_back_late": _l("It was handed over too long ago to be undone. Hand it over anew."),
    "mailbox_unknown": _l("There is no such mailbox here. Give its whole address."),
    "only_inside": _l("This can be asked for only in a member's view."),
    "stay_over": _l("The time in the member's view is over. Nothing was done."),
    "asked_enough": _l("Enough was asked for during this stay."),
    "member_decides": _l("Only the member's own people can agree to this."),
    "not_settled": _l(
        "Agreeing takes somebody who has held the role for %(days)s days and whose way of signing in nobody else has"
        " changed in that time. Ask another administrator of the member, or wait."
    ),
    "decided_already": _l("This was decided already."),
    "done_already": _l("This was done already. Ask again if it is needed once more."),
    "not_agreed": _l("The member has not agreed to exactly this."),
    "changes_other": _l("Meanwhile something else would be changed. Look at what will happen again."),
    "stale": _l("Somebody changed this in the meantime. Look at the current version and change it again."),
    "email_same": _l("This is the address so far."),
    "own_email": _l("Change your own e-mail on the page of your account."),
    "own_session": _l("Sign in with the account whose e-mail is to change, then open the link again."),
    "email_bad": _l("Give an e-mail address such as jan.kowalski@gmina.example."),
    "invited": _l("%(name)s has been invited to this already. Send that invitation again instead."),
    "invitation_over": _l("This invitation was accepted or withdrawn already."),
    "has_account": _l("This address has an account already. Sign in with it, then open the link again."),
    "other_account": _l("The invitation is for %(name)s. Sign in with the account of that address."),
    "inviter_lost": _l("The person who invited you may not give this role any more. Ask for a new invitation."),
    "url_bad": _l("Give a whole address such as https://example.com/hook, without # and without a password."),
    "webhook_word": _l("This is no kind or beginning of a tag: %(name)s. Write it like mailbox or mail:mailbox."),
    "webhook_off": _l("This webhook is switched off. Switch it on first."),
    "webhooks_many": _l("At most %(most)s webhooks for one member. Remove one first."),
    "issuer_bad": _l("Give the issuer's address as the provider gives it: https://…, without ? and #."),
    "provider_away": _l("The provider does not answer now, or not as it should. Try again later or sign in otherwise."),
    "provider_linked": _l("People sign in by %(name)s. Switch it off instead of removing it."),
    "provider_secret": _l("The provider's secret cannot be read with the present key. Type it anew."),
    "outside_over": _l("This sign-in was begun elsewhere or too long ago. Start again."),
    "outside_refused": _l("The provider did not let you in, or you cancelled there."),
    "outside_bad": _l("What the provider answered is not whole or not meant for this panel. Nobody was signed in."),
    "outside_unknown": _l(
        "That outside account is linked to nobody here. Sign in as usual and link it in your account."
    ),
    "outside_not_allowed": _l("This provider may not be used for your members. Sign in otherwise."),
    "outside_needs_factor": _l("Set up a second factor here first: sign in with your password."),
    "outside_taken": _l("That outside account is linked to somebody else here."),
    "last_way_in": _l("This is your only way in. Ask your administrator for a link by which you set a password first."),
    # Any field
    "required": _l("Fill this in."),
    "unknown_field": _l("There is no such field."),
    "text_bad": _l("Use plain text without control or invisible characters."),
    "text_long": _l("This is too long. At most %(most)s characters."),
    "text_control": _l("Use plain text without control or invisible characters."),
    "number_bad": _l("This is not a correct number. Give digits only and check them."),
    "whole_number": _l("Give a whole number, without a fraction."),
    "number_range": _l("Give a whole number from %(least)s to %(most)s."),
    "digits_bad": _l("Give the digits only, as many as the register has."),
    "money_bad": _l("Give an amount that is not negative, with at most two decimal places."),
    "date_bad": _l("Give a date, for example 2026-11-22."),
    "dates_order": _l("The end cannot come before the start."),
    "choice": _l("Choose one of: %(choices)s."),
    "type_bad": _l("This value is of another type than expected."),
    "cursor_bad": _l("This link to a further part of the list is broken. Start from the beginning."),
    "network_bad": _l("%(name)s is not a network. Give one as 192.0.2.0/24 or 2001:db8::/32."),
    # Members and contracts
    "slug_bad": _l("Use small letters a–z, digits and single hyphens, for example %(suggestion)s."),
    "contacts_bad": _l("Give contacts as a list of at most 50."),
    "parent_below": _l("A member cannot belong to itself or to what lies below it."),
    "unknown_member": _l("There is no such member."),
    "unknown_service": _l("There is no such service in the catalogue."),
    "scan_type": _l("Only PDF, PNG and JPEG files can be kept as scans."),
    "scan_large": _l("The file is too large. At most %(most)s MB."),
    "taken": _l("%(name)s is already in use. Choose another."),
    "taken_twice": _l("%(name)s stands twice in what you sent."),
    "over_limit": _l(
        "The contracts grant %(granted)s of “%(kind)s”; %(used)s are used and %(wanted)s more were asked for."
    ),
    "member_held": _l("Nothing new can be made: the services are held back (%(reason)s). Whom to ask: %(contact)s."),
    "task_done": _l("Somebody has done this already."),
    "step_milder": _l("Each step has to stop more than the one before it."),
    "step_order": _l("Each step needs a later day than the one before it."),
    "step_soon": _l("People have to be told before. Choose %(day)s or a later day."),
    "step_cancelled": _l("This step was taken back already."),
    "order_state": _l("This can no longer be done with the order: somebody has decided about it, or sent it already."),
    "prices_changed": _l("Prices have changed meanwhile: together it is %(total)s PLN a year now. Look at it again."),
    "contract_over": _l("The contract %(number)s does not last until then. Choose another one, or a new one."),
    # Files of members
    "file_large": _l("The file is too large. At most %(most)s MB."),
    # API
    "id_bad": _l("Give an identifier such as 01930c1e-7b3a-7c5e-9b0e-2f6a3d8c4e11."),
    "given_twice": _l("Give this once only."),
    "idempotency_key": _l("The key takes 1 to 200 visible ASCII characters."),
    "idempotency_reused": _l("This key was used with another request. Take a new one."),
    "in_flight": _l("The same request is being worked on. Wait a moment, then send it again."),
    # Mail
    "address_type": _l("Give an address as text."),
    "address_control": _l("The address must not contain control characters."),
    "address_not_ascii": _l("Use letters a–z without Polish or other special letters."),
    "address_plus": _l("Leave out the plus: name+anything already comes to the mailbox name."),
    "address_local_too_long": _l("The part before @ is too long. At most 64 characters."),
    "address_too_long": _l("The address is too long. At most 254 characters."),
    "address_syntax": _l(
        "Use letters a–z, digits, dots, hyphens and underscores; no dot at an end and no two together."
    ),
    "address_rfc2142": _l("%(name)s is reserved for the operator of the domain (RFC 2142). Choose another name."),
    "address_not_own": _l(
        "%(name)s is not one of the member's own names. It may take “%(slug)s”, “%(slug)s.” with anything after it, or"
        " anything with “.%(slug)s” after it. Any other name is given by the association: ask its provisioner."
    ),
    "released": _l(
        "%(name)s was another member's not long ago. Mail meant for that member may still come to it, so it stays free"
        " for %(years)s years. The association can give it all the same, for a reason that is kept on record."
    ),
    "near_double": _l(
        "This address is almost the same as an address of another member: mail may go astray. Choose another, or"
        " confirm that it shall be this one."
    ),
    "reserved": _l("%(name)s is the statutory address of another member. Choose another."),
    "unknown_domain": _l("The domain %(name)s is not served here, or not for this member."),
    "domain_control": _l("The domain must not contain control characters."),
    "domain_not_ascii": _l("Give the domain in its ASCII form (xn--…)."),
    "domain_too_long": _l("The domain is too long. At most 253 characters."),
    "domain_syntax": _l("Give a domain such as gmina.example."),
    "no_node": _l("There is no server for this yet. Enrol a node with the role “%(role)s” first."),
    "other_node": _l("The domains lie on different servers, so the mailbox cannot move there by renaming."),
    "removed": _l("This has been removed. Restore it first."),
    "not_removed": _l("This was not removed, so there is nothing to restore."),
    "link_not_good": _l("This link was used already, was replaced by a newer one, or its time is over."),
    "passwords_many": _l("At most %(most)s passwords at once; let the others be set by activation links."),
    "password_short": _l("The password is too short. At least %(least)s characters; four unrelated words are good."),
    "password_long": _l("The password is too long. At most %(most)s characters."),
    "password_control": _l("The password must not contain control characters."),
    "password_wrong": _l("This is not the password so far."),
    "sign_in_bad": _l("The address or the password is not right, or signing in to this mailbox is held back."),
    "password_mismatch": _l("The two passwords differ."),
    # Nodes and jobs
    "host_key_changed": _l(
        "The host key of %(node)s is another than the one pinned. Find out why before anything else."
    ),
    "node_held": _l("A worker has taken %(node)s over meanwhile. Nothing was changed; do it again."),
    "agent_other_program": _l("The agent of %(node)s does not run the program %(program)s."),
    "agent_lost_sight": _l("On %(node)s these worked before and are not seen any more: %(names)s."),
    "keep_until": _l("Give a day after today, at most %(days)s days ahead."),
    "difference_decided": _l("Somebody has decided about this difference already, or it is settled."),
    "adopt_no_action": _l("The panel cannot want this by any of its actions yet. Keep it or overwrite it."),
    "adopt_nothing": _l("There is nothing to adopt here: what is wanted is there already. Overwrite it."),
    "adopt_invalid": _l("What was found is nothing that a server could be asked for. Keep it or overwrite it."),
    "adopt_purged": _l("This was deleted for good here, so it cannot be adopted under its old identity."),
    "adopt_password_gone": _l("The password was taken away on the server; no action does that. Suspend the mailbox."),
    "member_needed": _l("Say whose this shall be."),
    "repair_by_setup": _l("Configuration is written by the set-up: enrol the server again with the operator's key."),
    "repair_bad_id": _l("This was written on the server by hand under no proper identity. Remove it there."),
    "second_person": _l("You asked for some of these changes. Somebody else has to approve them."),
    "plan_outdated": _l("Meanwhile it would do something else. Look at the plan as it is now."),
    "nothing_differs": _l("There is nothing to overwrite."),
    "backup_not_set_up": _l("No backup of %(node)s is set up. Its operator does that: cis nodes backup-setup."),
    "no_backup": _l("There is no backup of that time. Choose a later day."),
    "folder_bad": _l("Use a folder's name of letters, digits, spaces and hyphens."),
    "job_not_failed": _l("Only a failed or withdrawn job can be asked for again."),
    "job_started": _l("The job has started already and cannot be withdrawn."),
}

_WARNINGS = {"near_double": _l("Almost the same as an address of another member: mail may go astray.")}


def describe(error: PanelError) -> str:
    """Say ``error`` in the reader's language; a code without a text is shown as it is."""
    text = _TEXTS.get(error.code)
    return str(text) % _readable(error.params) if text is not None else error.code


_FULL = _l("A disk of the panel is full, so nothing was changed. Whoever runs the panel has to make room on it first.")


def warning_words(code: str) -> str:
    """Say what somebody should look at, though it was done."""
    return str(_WARNINGS.get(code, code))


def full_words() -> str:
    """Say that a disk is full, and who can do something about it."""
    return str(_FULL)


def known_codes() -> frozenset[str]:
    """Every code that has a text."""
    return frozenset(_TEXTS)


class _Readable(dict[str, Any]):
    """Parameters of a text; one that is missing is left out instead of failing the page."""

    def __missing__(self, key: str) -> str:
        return ""


def _readable(params: dict[str, Any]) -> _Readable:
    values = _Readable(params)
    kind = str(params.get("kind", ""))
    for name in ("granted", "used", "wanted"):
        if name in params:
            values[name] = amount(kind, params[name])
    if kind:
        values["kind"] = entitlement_word(kind)
    if "seconds" in params:
        values["wait"] = format_timedelta(int(params["seconds"]), add_direction=True, locale=language())
    if "permission" in params:
        values["permission"] = permission_word(str(params["permission"]))
    return values
