"""Events reach other programs: signed, only what their owner may read, again until taken, and never at any price."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from config import Settings
from panel.identity.actions import (
    actor_by_token,
    actor_for_user,
    create_token,
    create_user,
    ensure_roles,
    revoke_token,
)
from panel.identity.models import ApiToken, User
from panel.kernel import i18n
from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import database_now, db, new_id, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from panel.ledger.chain import chainer
from panel.ledger.events import record
from panel.ledger.notices import Notice
from panel.members.models import Member
from panel.shapes.ledger import event as event_shape
from panel.webhooks import actions
from panel.webhooks.making import forget_old_deliveries, queue_events, wants
from panel.webhooks.models import Delivery, Webhook
from panel.webhooks.outcomes import RETRY_SECONDS
from panel.webhooks.sending import deliverer
from tests.webhooks.receiver import Receiver, receiving
from tests.worlds import World, small_world

BAD_URLS = (
    "ftp://example.com/", "https://u:p@example.com/", "https:///x", "https://example.com/#x", "nonsense",
    "https://exa mple.com/", "https://example.com:0/", "https://żółw.example/", "https://e.com/" + "x" * 500,
)  # fmt: skip


def test_what_happens_below_the_member_is_sent_signed_and_nothing_else(stage: Stage) -> None:
    hook, secret = stage.webhook(events=["mail:mailbox", "identity:token:create"], kinds=["mailbox", "token"])
    for member in (stage.koscian, stage.school, stage.smigiel, None):
        stage.happens("mail:mailbox:create", member, name=f"żółw of {member.slug if member else 'nobody'}")
    stage.happens("mail:mailboxes:create", stage.koscian)
    stage.happens("identity:token:revoke", stage.koscian)
    stage.happens("mail:mailbox:create", stage.koscian, kind="alias")
    stage.run()
    said = [got.json for got in stage.receiver.got]
    assert [one["data"]["resource"]["name"] for one in said] == ["żółw of miasto-koscian", "żółw of szkola"]
    first = stage.receiver.got[0]
    assert first.is_signed_by(secret)
    assert not replace(first, body=first.body + b" ").is_signed_by(secret)
    assert (first.headers["content-type"], said[0]["type"]) == ("application/json", "mail:mailbox:create")
    assert first.headers["webhook-id"] == said[0]["id"]
    delivery = db.session.get_one(Delivery, db.session.scalars(select(Delivery.id)).first(), populate_existing=True)
    assert (delivery.state, delivery.tries[0]["status"], delivery.webhook_id) == ("sent", 204, hook.id)
    stage.run()
    assert len(stage.receiver.got) == 2, "once"


def test_a_secret_that_is_changed_overlaps_with_the_earlier_one_and_is_stored_nowhere(stage: Stage) -> None:
    hook, first = stage.webhook()
    _row, second = actions.rotate_secret(stage.owner_actor, hook.id)
    stage.happens("mail:mailbox:create", stage.koscian)
    stage.run()
    with unit_of_work():
        db.session.execute(update(Webhook).values(old_secret_until=database_now(-1)))
    stage.happens("mail:mailbox:create", stage.koscian)
    stage.run()
    overlap, later = [got for got in stage.receiver.got if "mailbox" in got.json["type"]]
    assert overlap.is_signed_by(first)
    assert overlap.is_signed_by(second)
    assert later.is_signed_by(second)
    assert not later.is_signed_by(first)
    assert secret_rows(first, second) == []


def test_a_receiver_that_is_away_is_tried_again_costs_one_attempt_a_round_and_loses_nothing(stage: Stage) -> None:
    hook, _secret = stage.webhook()
    stage.receiver.status = 503
    stage.receiver.answer = "zajęty\x00".encode() * 400
    for _number in range(3):
        stage.happens("mail:mailbox:create", stage.koscian)
    stage.run()
    assert len(stage.receiver.got) == 1
    stage.run()
    assert len(stage.receiver.got) == 1, "it is left in peace"
    (tried,) = [one for one in stage.deliveries() if one.tries]
    assert len(tried.tries[0]["answer"]) == 500
    assert "\x00" not in tried.tries[0]["answer"]
    stage.receiver.status = 200
    stage.hurry()
    stage.run()
    assert {one.state for one in stage.deliveries()} == {"sent"}
    assert stage.read(hook).failing_since is None
    assert len({got.headers["webhook-id"] for got in stage.receiver.got}) == 3, "an attempt is known by the same id"


def test_one_message_that_is_refused_holds_up_no_other(stage: Stage) -> None:
    stage.webhook()
    stage.receiver.refuses = "poison"
    for name in ("a", "poison", "b"):
        stage.happens("mail:mailbox:create", stage.koscian, name=name)
    stage.run()
    assert sorted(one.state for one in stage.deliveries()) == ["queued", "sent", "sent"]
    with unit_of_work():
        db.session.execute(update(Delivery).values(attempts=len(RETRY_SECONDS)))
    stage.hurry()
    stage.run()
    assert sorted(one.state for one in stage.deliveries()) == ["failed", "sent", "sent"]
    (failed,) = [one for one in stage.deliveries() if one.state == "failed"]
    assert len(failed.tries) == 2
    stage.receiver.refuses = ""
    actions.resend(stage.owner_actor, failed.webhook_id, failed.id)
    stage.run()
    assert {one.state for one in stage.deliveries()} == {"sent"}


@pytest.mark.one_database
@pytest.mark.parametrize("why", ["failing", "gone", "owner"])
def test_what_cannot_go_on_is_switched_off_and_its_holders_are_told(stage: Stage, why: str) -> None:
    hook, _secret = stage.webhook()
    stage.happens("mail:mailbox:create", stage.koscian)
    stage.receiver.status = 410 if why == "gone" else 500
    if why == "owner":
        with unit_of_work():
            stage.owner.active = False
    stage.run()
    if why == "failing":
        assert stage.read(hook).active
        with unit_of_work():
            db.session.execute(update(Webhook).values(failing_since=utcnow() - timedelta(days=3, seconds=5)))
        stage.hurry()
        stage.run()
    assert (stage.read(hook).active, stage.read(hook).off_reason) == (False, why)
    told = db.session.scalars(select(Notice).where(Notice.code == "webhook:off")).one()
    assert (told.permission, told.member_id, told.params["why"]) == ("webhooks:write", stage.koscian.id, why)
    sent = len(stage.receiver.got)
    stage.happens("mail:mailbox:create", stage.koscian, name="meanwhile")
    stage.hurry()
    stage.run()
    assert len(stage.receiver.got) == sent
    with pytest.raises(Conflict):
        actions.send_test(SYSTEM, hook.id)
    with unit_of_work():
        stage.owner.active = True
    stage.receiver.status = 200
    actions.change_webhook(stage.owner_actor, hook.id, active=True)
    actions.send_test(stage.owner_actor, hook.id)
    stage.run()
    assert [got.json["type"] for got in stage.receiver.got[sent:] if "webhook" not in got.json["type"]] == []
    assert "webhooks:test" in [got.json["type"] for got in stage.receiver.got[sent:]]


def test_what_a_token_set_up_sends_what_the_token_may_read_and_ends_with_it(stage: Stage) -> None:
    token, _secret = create_token(
        stage.owner_actor, role="member_admin", member_id=stage.koscian.id, kinds=["mailboxes"]
    )
    own = _by(token)
    hook, _secret = stage.webhook(actor=own, kinds=["mailbox"])
    kept, _secret = stage.webhook(actor=own, kinds=["mailbox"])
    taken, _secret = stage.webhook(kinds=["mailbox"])
    actions.change_webhook(own, taken.id, name="Kadry")
    actions.change_webhook(stage.owner_actor, kept.id, name="Rada")
    assert [stage.read(one).token_id for one in (hook, kept, taken)] == [token.id, None, token.id]
    stage.happens("mail:mailbox:create", stage.koscian)
    stage.run()
    assert len(stage.receiver.got) == 3
    revoke_token(stage.owner_actor, token.id)
    stage.happens("mail:mailbox:create", stage.koscian)
    stage.run()
    assert len(stage.receiver.got) == 4, "what a person took over goes on"
    assert [(one.active, one.off_reason) for one in map(stage.read, (hook, kept, taken))] == [
        (False, "token"), (True, ""), (False, "token")
    ]  # fmt: skip
    told = db.session.scalars(select(Notice).where(Notice.code == "webhook:off")).all()
    assert [one.params["why"] for one in told] == ["token", "token"]
    actions.change_webhook(stage.owner_actor, hook.id, active=True)
    stage.happens("mail:mailbox:create", stage.koscian)
    stage.run()
    assert (stage.read(hook).token_id, len(stage.receiver.got)) == (None, 6)


def _by(token: ApiToken) -> Actor:
    actor = actor_by_token(token)
    assert actor is not None
    return actor


@pytest.mark.one_database
def test_nothing_goes_to_addresses_that_are_not_public_and_redirects_lead_nowhere(stage: Stage) -> None:
    stage.webhook()
    stage.receiver.status, stage.receiver.headers = 302, {"Location": stage.receiver.url + "/elsewhere"}
    stage.happens("mail:mailbox:create", stage.koscian)
    stage.run()
    assert [got.path for got in stage.receiver.got] == ["/hook"]
    stage.settings = replace(stage.settings, outgoing_allowed="")
    stage.hurry()
    stage.run()
    assert len(stage.receiver.got) == 1
    assert stage.deliveries()[-1].tries[-1]["problem"] == "refused"


def test_an_owner_who_may_not_read_an_event_any_more_sends_it_to_nobody(stage: Stage) -> None:
    hook, _secret = stage.webhook()
    stage.happens("mail:mailbox:create", stage.school, name="moved away")
    chainer()(SYSTEM)
    queue_events(SYSTEM)
    with unit_of_work():
        stage.school.parent_id = stage.smigiel.id
    stage.run()
    assert [one.state for one in stage.deliveries() if "create" in one.tag and "mailbox" in one.tag] == ["withheld"]
    assert not [got for got in stage.receiver.got if "moved away" in got.body.decode()]
    assert stage.read(hook).active


@pytest.mark.one_database
def test_who_may_set_one_up_and_what_is_no_webhook(stage: Stage) -> None:
    hook, _secret = stage.webhook()
    foreign = stage.world.member_admin(stage.smigiel)
    for actor, raised in ((foreign, NotFound), (replace(stage.owner_actor, fresh=False), NotAllowed)):
        for call in (actions.rotate_secret, actions.send_test, actions.remove_webhook, actions.change_webhook):
            with pytest.raises(raised):
                call(actor, hook.id)
    with pytest.raises(NotAllowed):
        actions.create_webhook(stage.owner_actor, url="https://example.com/x")
    with pytest.raises(NotAllowed):
        stage.webhook(actor=replace(stage.owner_actor, kinds=frozenset({"mailbox"})))
    for url in BAD_URLS:
        with pytest.raises(Invalid) as error:
            stage.webhook(url=url)
        assert (error.value.code, error.value.field) == ("url_bad", "url")
    for field in ("kinds", "events"):
        narrowed: dict[str, Any] = {field: ["Drop Table"]}
        with pytest.raises(Invalid):
            stage.webhook(**narrowed)
    for _number in range(actions.WEBHOOKS_MAX - 1):
        stage.webhook()
    with pytest.raises(Conflict):
        stage.webhook()
    actions.remove_webhook(stage.owner_actor, hook.id)
    assert db.session.get(Webhook, hook.id) is None


def test_what_was_sent_is_forgotten_after_thirty_days(stage: Stage) -> None:
    stage.webhook()
    stage.happens("mail:mailbox:create", stage.koscian)
    stage.run()
    forget_old_deliveries(SYSTEM)
    assert stage.deliveries()
    with unit_of_work():
        db.session.execute(update(Delivery).values(created_at=utcnow() - timedelta(days=31)))
    forget_old_deliveries(SYSTEM)
    assert stage.deliveries() == []


@pytest.mark.parametrize(
    ("events", "kinds", "is_wanted"),
    [
        ([], [], True),
        (["mail"], [], True),
        (["mail:mailbox:"], [], True),
        (["mail:mailbox:create"], ["mailbox"], True),
        (["mail:mail"], [], False),
        (["identity"], [], False),
        ([], ["alias"], False),
    ],
)
def test_which_events_are_wanted(events: list[str], kinds: list[str], *, is_wanted: bool) -> None:
    hook = Webhook(events=events, kinds=kinds)
    assert wants(hook, tag="mail:mailbox:create", kind="mailbox") is is_wanted


@dataclass
class Stage:
    """A world with a member, a school below it, a person who owns webhooks, and a receiver."""

    world: World
    owner: User
    school: Member
    receiver: Receiver
    settings: Settings

    @property
    def koscian(self) -> Member:
        return self.world.koscian

    @property
    def smigiel(self) -> Member:
        return self.world.smigiel

    @property
    def owner_actor(self) -> Actor:
        return actor_for_user(self.owner, fresh=True)

    def webhook(self, *, actor: Actor | None = None, url: str = "", **narrowed: Any) -> tuple[Webhook, str]:
        given: dict[str, Any] = {"events": ["mail"], **narrowed}
        url = url or self.receiver.url
        return actions.create_webhook(actor or self.owner_actor, url=url, member_id=self.koscian.id, **given)

    def happens(self, tag: str, member: Member | None, *, name: str = "", kind: str = "") -> None:
        kind = kind or tag.split(":")[1]
        with unit_of_work():
            record(SYSTEM, tag, kind=kind, resource_id=new_id(), name=name, member_id=member.id if member else None)

    def run(self) -> None:
        """What workers do in their rounds."""
        chainer()(SYSTEM)
        queue_events(SYSTEM)
        deliverer(self.settings, event_shape)(SYSTEM)

    def hurry(self) -> None:
        """Let what waits be due."""
        with unit_of_work():
            for model in (Webhook, Delivery):
                db.session.execute(update(model).values(retry_at=None))

    def deliveries(self) -> list[Delivery]:
        query = select(Delivery).order_by(Delivery.id).execution_options(populate_existing=True)
        return list(db.session.scalars(query))

    def read(self, hook: Webhook) -> Webhook:
        return db.session.get_one(Webhook, hook.id, populate_existing=True)


def secret_rows(*secrets: str) -> list[str]:
    """Rows of webhooks, messages and notices in which a secret stands."""
    rows = [row for model in (Webhook, Delivery, Notice) for row in db.session.scalars(select(model)).unique()]
    return [str(vars(row)) for row in rows if any(secret[6:] in str(vars(row)) for secret in secrets)]


@pytest.fixture(scope="module")
def listening() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def stage(tmp_path: Path, database_url: str, listening: Receiver) -> Iterator[Stage]:
    listening.got.clear()
    listening.status, listening.answer, listening.headers, listening.refuses = 204, b"", {}, ""
    with small_world(tmp_path, database_url=database_url) as world:
        i18n.connect(world.app)
        ensure_roles()
        settings = world.app.config["CIS"] = replace(world.app.config["CIS"], outgoing_allowed="127.0.0.0/8")
        with unit_of_work():
            school = Member(id=new_id(), name="Szkoła", kind="school", slug="szkola", parent_id=world.koscian.id)
            db.session.add(school)
        owner = create_user(SYSTEM, email="anna@example.test", name="Anna", password_hash="x", role="member_admin",
                            member_id=world.koscian.id)  # fmt: skip
        yield Stage(world, owner, school, listening, settings)
