"""Every page there is, as axe-core sees it: empty, full and with errors, in both languages, on a phone and a desk."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote

import pytest
from playwright.sync_api import ConsoleMessage, Error, Page
from sqlalchemy import Select, select, update
from werkzeug.routing import Rule

from config import Settings
from panel import web
from panel.contracts.ending import ContractTask
from panel.contracts.models import Contract
from panel.contracts.orders import Order
from panel.contracts.steps import ContractStep
from panel.dns.imports import ZoneImport
from panel.dns.models import Zone
from panel.identity.addresses import EmailChange
from panel.identity.invitations import Invitation
from panel.identity.passkeys import Passkey
from panel.identity.providers import OutsideProvider
from panel.identity.resets import PasswordReset, ask_for_reset
from panel.identity.sessions import UserSession
from panel.identity.step_ins import AskedAction
from panel.imports.models import Import
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, unit_of_work
from panel.kernel.i18n import LANGUAGES
from panel.kernel.links import link_token
from panel.ledger.differences import Difference
from panel.ledger.jobs import Job
from panel.mail.actions import new_activation_link
from panel.mail.models import Mailbox, MailDomain
from panel.web.session import declared
from panel.webhooks.models import Delivery, Webhook
from panel.wiring import create_core_app
from tests import axe
from tests.browser.conftest import Place
from tests.web.site import PASSWORD
from tests.web.test_sign_in import code_now

WIDTHS = (1280, 360)
NO_PAGES = {
    "static", "bootstrap.static", "health.alive", "health.ready", "metrics.show", "contracts.scan", "activation.done",
    "outside.sign_in", "outside.link", "outside.accept", "outside.callback", "zones.export",
}  # fmt: skip
"""Files and answers for machines; the last one is looked at where it is reached, after a form."""
IN_SIGN_IN = {"security.login", "second_step.show", "second_step.recover"}
"""Pages that need a step before them; they have a test of their own below."""
BY_SCRIPT = {"factors.add_passkey"}
"""Forms that a passkey answers; ``test_passkeys`` fills them in."""
GOOD_WHEN_EMPTY = {
    "users.grant", "imports.columns", "zone_records.text", "zone_records.remove", "zone_versions.revert",
}  # fmt: skip
"""Forms that ask on: nothing typed is a good answer there."""
_TYPED = "input:not([type=hidden], [type=checkbox], [type=radio], [type=file], [type=submit], [readonly]), textarea"
QUERIES: dict[str, dict[str, str]] = {
    "zone_records.edit": {"name": "poczta", "type": "MX"},
    "zone_records.remove": {"name": "_acme-challenge.bardzo.dluga.nazwa.hosta", "type": "TXT"},
    "zone_records.give_back": {"name": "info", "type": "MX"},
}
EXAMPLES: dict[str, Any] = {"purpose": "contract", "code": 404, "kind": "mailbox"}


def _rules() -> list[Rule]:
    """Every page of the application, from its own map of addresses."""
    with TemporaryDirectory() as folder:
        app = create_core_app(Settings(env="lab", data_dir=Path(folder), secret_key="of tests", secure_cookies=False))
        web.register(app)
        rules = [
            rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and declared(app, rule.endpoint)
        ]
    rules = [rule for rule in rules if not str(rule.endpoint).startswith("live.")]  # streams for scripts
    return [
        rule for rule in rules if rule.endpoint not in NO_PAGES | IN_SIGN_IN and not rule.rule.endswith(("csv", ".csv"))
    ]


RULES = _rules()
LISTS = [rule for rule in RULES if not rule.arguments]
FORMS = [rule for rule in RULES if "POST" in (rule.methods or ()) and rule.endpoint not in BY_SCRIPT]


def _name(rule: Rule) -> str:
    return str(rule.endpoint)


@pytest.mark.parametrize("rule", RULES, ids=_name)
def test_a_page_with_something_on_it(full: Place, rule: Rule) -> None:
    path = _path(full, rule)
    for language in LANGUAGES:
        with _opened(full, path, language) as page:
            _check(page, WIDTHS if language == "pl" else WIDTHS[1:])


@pytest.mark.parametrize("rule", LISTS, ids=_name)
def test_a_page_with_nothing_on_it(empty: Place, rule: Rule) -> None:
    with _opened(empty, rule.rule, "pl") as page:
        _check(page)


@pytest.mark.parametrize("rule", FORMS, ids=_name)
def test_a_form_that_was_refused(full: Place, rule: Rule) -> None:
    with _opened(full, _path(full, rule), "pl") as page:
        form = page.locator("main form[method=post]").first
        boxes = form.locator(_TYPED).all()
        if not boxes:
            return  # It asks only whether to go on; sending it would do it.
        for box in boxes:
            box.fill("")
        with page.expect_navigation():
            form.locator("button, input[type=submit]").last.click()
        assert page.locator("#error-summary").count() == (rule.endpoint not in GOOD_WHEN_EMPTY)
        _check(page)


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_of_errors(full: Place, language: str) -> None:
    with _opened(full, "/no/such/page", language, status=404) as page:
        _check(page)
    window = full.window(None, language=language)
    page = window.new_page()
    page.goto(full.url + "/no/such/page")
    _check(page)
    window.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_of_signing_in(full: Place, language: str) -> None:
    window = full.window(None, language=language)
    page = window.new_page()
    page.goto(full.url + "/login")
    _check(page)
    page.fill("#email", "admin@example.test")
    page.fill("#password", "wrong")
    page.press("#password", "Enter")
    page.wait_for_selector("#error-summary")
    _check(page)
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_selector("#code")
    _check(page)
    page.goto(full.url + "/login/recovery")
    _check(page)
    page.goto(full.url + "/login/code")
    page.fill("#code", code_now(full.site.totp.base32))
    page.press("#code", "Enter")
    page.wait_for_selector(".signed-in")
    window.close()


def test_recovery_codes_and_asking_for_the_password_again(full: Place) -> None:
    window = full.window(full.site.clerk)
    page = window.new_page()
    with full.site.world.app.app_context(), unit_of_work():
        long_ago = update(UserSession).where(UserSession.user_id == full.site.clerk.id)
        db.session.execute(long_ago.values(proven_at=database_now(-3600), factor_at=None))
    page.goto(full.url + "/account/second-factor")
    page.wait_for_url(re.compile("/account/confirm"))
    _check(page)
    with _opened(full, "/account/recovery-codes", "pl") as shown:
        shown.click("main form button")
        shown.wait_for_selector(".codes")
        _check(shown)
    window.close()


def test_the_menu_on_a_phone_when_open(full: Place) -> None:
    window = full.window(full.site.admin, width=360)
    page = window.new_page()
    page.goto(full.url + "/")
    page.click(".menu-small summary")
    assert axe.violations(page) == []
    page.click(".menu-person summary")
    assert axe.violations(page) == []
    window.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_in_light_and_dark(full: Place, scheme: str) -> None:
    window = full.window(full.site.admin, color_scheme=scheme)
    page = window.new_page()
    for path in ("/", "/jobs", "/nodes", "/mail/mailboxes", "/contracts/", "/members/", "/events", "/account"):
        page.goto(full.url + path)
        assert axe.violations(page) == [], path
    window.close()


class _opened:  # noqa: N801 - reads as a verb: with _opened(…) as page
    """A page opened by the administrator, without any complaint of the browser."""

    def __init__(self, place: Place, path: str, language: str, *, status: int = 200) -> None:
        self._page = place.kept_page(language)
        self._url, self._status = place.url + path, status
        self._complaints: list[str] = []

    def __enter__(self) -> Page:
        page = self._page
        page.on("pageerror", self._note_error)
        page.on("console", self._note_message)
        page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        answer = page.goto(self._url)
        assert answer is not None
        assert answer.status == self._status, self._url
        return page

    def __exit__(self, *_: object) -> None:
        self._page.remove_listener("pageerror", self._note_error)
        self._page.remove_listener("console", self._note_message)
        assert self._complaints == []

    def _note_error(self, error: Error) -> None:
        self._complaints.append(str(error))

    def _note_message(self, message: ConsoleMessage) -> None:
        if "Content Security" in message.text:
            self._complaints.append(message.text)


def _check(page: Page, widths: Sequence[int] = WIDTHS) -> None:
    """No rule of axe is broken and nothing sticks out, on a desk and on a phone."""
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{page.url} sticks out at {width} px"
        assert axe.violations(page) == [], f"{page.url} at {width} px"


def _path(place: Place, rule: Rule) -> str:
    """The address of ``rule`` with the example that fits it."""
    app = place.site.world.app
    with app.test_request_context():
        values = {name: value for name, value in _examples(place, rule.endpoint) if name in rule.arguments}
        # Twenty rows look like fifty and are looked at twice as fast.
        examples: dict[str, Any] = values | QUERIES.get(rule.endpoint, {}) or {"page_size": 20}
        return unquote(app.url_for(rule.endpoint, **examples))


def _examples(place: Place, endpoint: str) -> Iterator[tuple[str, Any]]:
    yield from EXAMPLES.items()
    world, wanted = place.site.world, endpoint.rpartition(".")[2]
    boxes = {box.state: box for box in db.session.scalars(select(Mailbox).order_by(Mailbox.id)).unique()}
    contracts = {contract.suspended: contract for contract in db.session.scalars(select(Contract)).unique()}
    jobs = {job.state: job for job in db.session.scalars(select(Job)).unique()}
    box = {
        "restore": boxes["removed"] if "removed" in boxes else boxes.get("removing"),
        "resume": boxes["suspended"],
    }.get(wanted, boxes["failed"])
    assert box is not None
    yield "mailbox_id", box.id
    yield "resource_id", boxes["active"].id
    yield "difference_id", db.session.scalars(select(Difference.id).where(Difference.what == "different")).one()
    step = db.session.scalars(select(ContractStep).where(ContractStep.taken_at.is_(None))).unique().one()
    yield "step_id", step.id
    yield "contract_id", step.contract_id if wanted != "resume" else contracts["no_send"].id
    yield "task_id", db.session.scalars(select(ContractTask.id)).one()
    yield "order_id", db.session.scalars(select(Order.id)).one()
    yield "job_id", jobs["queued" if "cancel" in wanted else "failed"].id
    yield "node_id", world.node.id
    yield "member_id", world.koscian.id
    yield "user_id", place.site.clerk.id
    yield "grant_id", place.site.clerk.grants[0].id
    yield "asked_id", db.session.scalars(select(AskedAction.id)).first()
    yield "key_id", db.session.scalars(select(Passkey.id)).first()
    yield "domain_id", db.session.scalars(select(MailDomain.id)).first()
    yield "invitation_id", db.session.scalars(select(Invitation.id).order_by(Invitation.id)).first()
    yield "webhook_id", db.session.scalars(select(Webhook.id)).first()
    yield "delivery_id", db.session.scalars(select(Delivery.id)).first()
    yield "import_id", db.session.scalars(select(Import.id)).first()
    zones = {zone.name: zone for zone in db.session.scalars(select(Zone)).unique()}
    of_purpose = {"restore": "dawna.pl", "purge": "dawna.pl", "vouch": "xn--kocian-4ib.pl", "give_back": "wokiss.pl"}
    yield "zone_id", zones[of_purpose.get(wanted, "koscian.pl")].id
    yield "number", 1
    yield "zone_import_id", db.session.scalars(select(ZoneImport.id)).first()
    yield "provider_id", db.session.scalars(select(OutsideProvider.id)).first()
    if endpoint.startswith("joining"):
        yield "token", _link(place, "invitation", select(Invitation.link_id).order_by(Invitation.id))
    if endpoint.startswith("own_email"):
        purpose = "email_undo" if wanted == "undo" else "email"
        yield "token", _link(place, purpose, select(EmailChange.id).order_by(EmailChange.id))
    if endpoint.startswith("resets"):
        ask_for_reset(place.site.clerk.email, address=None)
        yield "token", _link(place, "reset", select(PasswordReset.id).where(PasswordReset.voided_at.is_(None)))
    if endpoint.startswith("activation"):
        yield "token", new_activation_link(SYSTEM, boxes["active"].id).activation_token


def _link(place: Place, purpose: str, query: Select[uuid.UUID]) -> str:
    db.session.rollback()
    row_id = db.session.scalars(query).first()
    assert row_id is not None
    return link_token(place.site.world.app.config["CIS"], purpose, row_id)
