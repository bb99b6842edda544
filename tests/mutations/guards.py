"""What protects people, as a table: each guard, the text that is it, and the test that fails without it."""

from __future__ import annotations

from dataclasses import dataclass

AGENT_ENGINE = "tests/provisioning/agent/test_engine.py::"
ROLLBACK = "tests/provisioning/agent/test_rollback.py::"
EVERY_KIND = "tests/contract/test_every_kind.py::"
LEASES = "tests/ledger/test_leases.py::"
ENGINE = "tests/engine/test_engine.py::"
RUNS = "tests/engine/test_runs.py::"
PLANS = "tests/engine/test_guard.py::"
PAGE = "tests/matrix/test_matrix.py::test_a_page_opens_to_those_who_may_and_to_nobody_else"
OPERATION = "tests/matrix/test_matrix.py::test_an_operation_is_done_for_those_who_may_and_for_nobody_else"
REACH = "tests/matrix/test_reach.py::"


@dataclass(frozen=True, kw_only=True)
class Guard:
    """``text`` stands in ``path`` exactly once; with ``without`` in its place ``test`` must fail.

    ``slow``: the test needs a node or more than a few seconds, so it is tried by ``make test-long`` only.
    """

    promise: str
    path: str
    text: str
    without: str
    test: str
    slow: bool = False


GUARDS = (
    Guard(
        promise="A worker that lost its lease changes nothing on a node",
        path="provisioning/agent/store.py",
        text="if token < known:",
        without="if token < 0:",
        test=AGENT_ENGINE + "test_a_fence_only_grows",
    ),
    Guard(
        promise="What is older than what the node knows is refused",
        path="provisioning/agent/batch.py",
        text="if item.generation < newest or _revives(item, tombstones.get(key)):",
        without="if _revives(item, tombstones.get(key)):",
        test=EVERY_KIND + "test_an_older_generation_is_refused_and_changes_nothing",
        slow=True,
    ),
    Guard(
        promise="What was removed does not come back by the generation that removed it",
        path="provisioning/agent/batch.py",
        text="if item.generation < newest or _revives(item, tombstones.get(key)):",
        without="if item.generation < newest:",
        test=EVERY_KIND + "test_what_was_removed_does_not_come_back_by_an_older_generation",
        slow=True,
    ),
    Guard(
        promise="A batch that is sent again is not done again",
        path="provisioning/agent/engine.py",
        text="replayed = tx.outcomes_of(batch.id) is not None",
        without="replayed = False",
        test=EVERY_KIND + "test_a_batch_sent_again_returns_what_it_returned",
        slow=True,
    ),
    Guard(
        promise="The node itself refuses to lose a fifth of what it has",
        path="provisioning/agent/bounds.py",
        text="if now and gone >= least and gone > REMOVED_SHARE_MAX * (count(kind) + gone):",
        without="if not gone:",
        test=AGENT_ENGINE + "test_removing_fifty_and_more_than_a_fifth_needs_an_approval",
    ),
    Guard(
        promise="Small batches do not get around the node's bound",
        path="provisioning/agent/bounds.py",
        text="        _require_share(kind, number, number + recent, REMOVED_PER_HOUR, count)\n",
        without="",
        test=AGENT_ENGINE + "test_small_batches_do_not_get_around_the_bound",
    ),
    Guard(
        promise="The node bounds how many passwords change in an hour",
        path="provisioning/agent/bounds.py",
        text="if number and number + tx.pace(what, HOUR) > PASSWORDS_PER_HOUR:",
        without="if number < 0:",
        test=AGENT_ENGINE + "test_password_changes_are_bounded_by_the_hour",
    ),
    Guard(
        promise="The node bounds how many foreign rows are given up in an hour",
        path="provisioning/agent/bounds.py",
        text='if number + tx.pace("dropped", HOUR) > DROPPED_PER_HOUR:',
        without="if number < 0:",
        test=AGENT_ENGINE + "test_giving_up_foreign_rows_is_bounded_by_the_hour",
    ),
    Guard(
        promise="Nothing happens on a node whose own log cannot be written",
        path="provisioning/agent/engine.py",
        text="                self._tell(batch, outcomes)\n",
        without="",
        test=AGENT_ENGINE + "test_what_cannot_be_logged_does_not_happen",
    ),
    Guard(
        promise="What could not be finished on a node is never called applied",
        path="provisioning/agent/engine.py",
        text="return [_unfinished(one, error) for one in outcomes]",
        without="return outcomes",
        test=AGENT_ENGINE + "test_what_could_not_be_finished_is_failed_until_it_is",
    ),
    Guard(
        promise="What a node's administrator put back is not overwritten silently",
        path="provisioning/agent/batch.py",
        text="elif key in held and not repair and not _leaves(item, had.get(key)):",
        without="elif key in held and not repair and item.generation < 0:",
        test=ROLLBACK + "test_the_panel_sees_the_difference_and_overwrites_nothing_silently",
    ),
    Guard(
        promise="A batch is not put back under later ones",
        path="provisioning/agent/rollback.py",
        text="        if later:\n",
        without="        if len(later) < 0:\n",
        test=ROLLBACK + "test_an_earlier_batch_waits_for_the_later_ones",
    ),
    Guard(
        promise="What was deleted for good is kept nowhere",
        path="provisioning/agent/undo.py",
        text="if had is not None and not purged:",
        without="if had is not None:",
        test=ROLLBACK + "test_what_was_deleted_for_good_does_not_come_back_and_is_kept_nowhere",
    ),
    Guard(
        promise="What a service does not serve as its row says is seen",
        path="provisioning/agent/looking.py",
        text="shards[shard_of(id_)].add(text + _UNSERVED if id_ in unserved else text)",
        without="shards[shard_of(id_)].add(text)",
        test="tests/provisioning/agent/test_looking.py::test_what_is_not_served_differs_from_what_is_wanted",
    ),
    Guard(
        promise="A link planted on the node leads nowhere",
        path="provisioning/agent/files.py",
        text="_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC",
        without="_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC",
        test="tests/provisioning/agent/test_files.py",
    ),
    Guard(
        promise="Nobody takes a node that somebody holds",
        path="panel/ledger/nodes.py",
        text=".where(Node.id == node_id, lease_is_over())",
        without=".where(Node.id == node_id)",
        test=LEASES + "test_of_many_workers_one_takes_the_node[sqlite]",
    ),
    Guard(
        promise="A dead worker's lease ends",
        path="panel/ledger/nodes.py",
        text="        Node.lease_expires_at < database_now(),\n",
        without="",
        test=LEASES + "test_an_expired_lease_can_be_taken_and_is_lost_to_its_holder[sqlite]",
    ),
    Guard(
        promise="A clock that is turned back keeps nobody's lease for ever",
        path="panel/ledger/nodes.py",
        text="        Node.lease_expires_at > database_now(Node.lease_seconds + 1),\n",
        without="",
        test=LEASES + "test_a_clock_that_jumped_a_day_freezes_no_node",
    ),
    Guard(
        promise="Each holder's fence is higher than the last one's",
        path="panel/ledger/nodes.py",
        text="fence=Node.fence + 1,",
        without="fence=Node.fence,",
        test=LEASES + "test_each_lease_has_a_higher_fence[sqlite]",
    ),
    Guard(
        promise="Enrolling again never lowers the fence",
        path="panel/ledger/nodes.py",
        text="node.fence = max(node.fence or 0, fence)",
        without="node.fence = fence",
        test=LEASES + "test_enrolling_again_keeps_the_lease_and_never_lowers_the_fence[sqlite]",
    ),
    Guard(
        promise="A worker that lost its lease is told so when it renews it",
        path="panel/ledger/nodes.py",
        text=".where(Node.id == lease.node_id, Node.lease_owner == lease.owner, Node.fence == lease.fence)",
        without=".where(Node.id == lease.node_id)",
        test=LEASES + "test_an_expired_lease_can_be_taken_and_is_lost_to_its_holder[sqlite]",
    ),
    Guard(
        promise="Rows of others are out of reach",
        path="panel/kernel/access.py",
        text="return query.where(column.in_(members)) if members else query.where(false())",
        without="return query",
        test="tests/ledger/test_events.py::test_events_are_seen_by_those_whose_they_are[sqlite]",
    ),
    Guard(
        promise="What is foreign looks like what is absent",
        path="panel/kernel/access.py",
        text="if member_id is not None and not actor.reaches(member_id):",
        without="if False:",
        test="tests/mail/test_actions.py::test_a_stranger_cannot_tell_a_foreign_mailbox_from_an_absent_one[sqlite]",
    ),
    Guard(
        promise="Who lacks a permission is refused",
        path="panel/kernel/access.py",
        text="if not actor.may(permission, member_id) or (staff and not actor.may_everywhere(permission)):",
        without="if False:",
        test="tests/mail/test_actions.py::test_a_role_without_the_permission_is_told_so_about_its_own[sqlite]",
    ),
    Guard(
        promise="An address is one's alone",
        path="panel/ledger/names.py",
        text="if name in held and held[name] != holder:",
        without="if False:",
        test="tests/mail/test_actions.py::test_a_taken_address_is_a_conflict[sqlite]",
    ),
    Guard(
        promise="Differences are decided by those who may",
        path="panel/engine/drift.py",
        text='require(actor, "drift:write"',
        without='require(actor, "nodes:read"',
        test="tests/drift/test_deciding.py::test_decisions_are_made_once_and_by_those_who_may[sqlite]",
    ),
    Guard(
        promise="A repair is the one that was shown",
        path="panel/engine/repair.py",
        text="if _plan(differences).digest != digest:",
        without="if not digest:",
        test="tests/drift/test_deciding.py::test_a_whole_node_is_repaired_by_a_plan_whose_digest_was_shown[sqlite]",
    ),
    Guard(
        promise="Nothing is active before it was seen",
        path="panel/engine/records.py",
        text="    seen = [(one, finding) for one, finding in pairs if isinstance(finding, Seen)]\n    unseen",
        without="    seen = [(one, Seen('rcpt')) for one, _ in pairs]\n    unseen",
        test=ENGINE + "test_nothing_is_active_before_it_was_seen[sqlite]",
    ),
    Guard(
        promise="What is seen no more is not called active",
        path="panel/engine/verify.py",
        text="        _update_lost(lost)\n",
        without="",
        test="tests/engine/test_verify.py::test_what_is_not_seen_any_more_is_not_called_active[sqlite]",
    ),
    Guard(
        promise="A batch whose outcome nobody heard is read back before anything is sent",
        path="panel/engine/reconcile.py",
        text="        run.read_back()\n",
        without="",
        test=RUNS + "test_an_outcome_nobody_heard_is_read_back_before_anything_is_sent[sqlite]",
    ),
    Guard(
        promise="A worker records no outcome once it has lost its lease",
        path="panel/ledger/nodes.py",
        text="lease_seconds=seconds, batch_on_way=batch):\n        raise LeaseLost",
        without="lease_seconds=seconds, batch_on_way=batch):\n        pass",
        test=RUNS + "test_a_lost_lease_ends_the_run_and_its_outcome_is_the_next_ones[sqlite]",
    ),
    Guard(
        promise="A worker that lost its lease has no say about jobs that another has taken",
        path="panel/engine/turn.py",
        text="            if renew_lease(self.lease, seconds=self.reconciler.pace.lease_seconds):",
        without="            if self.lease:",
        test=ENGINE + "test_a_worker_that_lost_its_lease_has_no_say_about_the_jobs[sqlite]",
    ),
    Guard(
        promise="What a person changed meanwhile is not overwritten by an old outcome",
        path="panel/engine/records.py",
        text='        statement = statement.where(table.c.wanted_generation == bindparam("generation"))',
        without="        pass",
        test="tests/engine/test_verify.py::test_of_a_change_meanwhile_a_look_says_nothing[sqlite]",
    ),
    Guard(
        promise="What would remove a fifth of a node waits for a person",
        path="panel/engine/guard.py",
        text="        return going > REMOVED_SHARE_MAX * max(going, count_there(kind, self.node.id))",
        without="        return going > 10 * max(going, count_there(kind, self.node.id))",
        test=PLANS + "test_what_removes_too_much_waits_and_all_else_goes_ahead[sqlite]",
    ),
    Guard(
        promise="The bound counts all that would go, not one portion of it",
        path="panel/engine/guard.py",
        text="            if going[kind.name] >= REMOVED_COUNT_MIN and self._is_over(kind, going[kind.name])",
        without="            if going[kind.name] >= 10 * REMOVED_COUNT_MIN and self._is_over(kind, going[kind.name])",
        test=PLANS + "test_the_bound_counts_all_that_would_go_not_one_portion[sqlite]",
    ),
    Guard(
        promise="An approval is for the plan that was shown",
        path="panel/engine/approval.py",
        text="        if digest_of(_rows(node.id, plan=plan)) == digest:",
        without="        if digest:",
        test=PLANS + "test_a_plan_that_would_do_something_else_now_is_not_approved[sqlite]",
    ),
    Guard(
        promise="Where two must agree, who asked does not approve",
        path="panel/engine/approval.py",
        text='if current_app.config["CIS"].second_person and _asked(actor, plan):',
        without='if current_app.config["CIS"].second_person and not actor:',
        test=PLANS + "test_who_asked_may_not_approve_where_two_must_agree[sqlite]",
    ),
    Guard(
        promise="Plans are approved by those who may",
        path="panel/engine/approval.py",
        text='    require(actor, "plans:approve", staff=True)\n',
        without="",
        test=PLANS + "test_only_who_may_approves",
    ),
    Guard(
        promise="A restored panel sends nothing before it has asked its nodes",
        path="panel/engine/worker.py",
        text="        if closing is not None:",
        without="        if closing is None and not closing:",
        test="tests/backup/test_finishing.py::test_yesterdays_panel_meets_todays_node",
    ),
    Guard(
        promise="A restored panel counts from above what its nodes have met",
        path="panel/backups/finishing.py",
        text="            _lift(kind, rows[kind.name])",
        without="            pass",
        test="tests/backup/test_finishing.py::test_yesterdays_panel_meets_todays_node",
    ),
    Guard(
        promise="An order of yesterday does not undo a newer one",
        path="panel/backups/finishing.py",
        text="if not row.settled and (kind.name, row.id) not in differing]",
        without="if not row.settled]",
        test="tests/backup/test_finishing.py::test_an_order_of_yesterday_does_not_undo_a_newer_one",
    ),
    Guard(
        promise="A backup is sealed for its recipients alone",
        path="panel/backups/sealing.py",
        text="subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=file)",
        without='subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=file)',
        test="tests/backup/test_backup.py::test_a_backup_is_sealed_verified_and_restored_whole",
    ),
    Guard(
        promise="What a newcomer is told counts, not what an old connection is told",
        path="provisioning/probes/smtp.py",
        text="if time.monotonic() - self._opened > WARM_SECONDS:",
        without="if time.monotonic() < self._opened:",
        test="tests/provisioning/test_probes.py::test_a_connection_that_grew_old_is_asked_nothing",
    ),
    Guard(
        promise="Another machine in a node's place is sent nothing",
        path="provisioning/ssh/transport.py",
        text="        _require_key(transport, host_key, address)\n",
        without="",
        test="tests/provisioning/test_ssh.py::test_another_host_key_than_the_pinned_one_ends_it_before_any_sign_in",
        slow=True,
    ),
    Guard(
        promise="Whoever may ring has the worker run nothing",
        path="panel/wiring.py",
        text="return Message(*json.loads(data))",
        without='return __import__("pickle").loads(data)',
        test="tests/engine/test_rings.py::test_a_ring_is_json_and_nothing_in_it_is_run",
    ),
    Guard(
        promise="A worker takes no SSH key that others could have put there",
        path="panel/cli/panel_key.py",
        text="if path.exists() and (path.stat().st_uid != os.geteuid() or path.stat().st_mode & 0o077):",
        without="if not path.name:",
        test="tests/cli/test_program.py::test_a_worker_takes_no_key_that_others_could_have_put_there",
    ),
    Guard(
        promise="An alarm about a node does not go through that node",
        path="panel/engine/relay.py",
        text='if theirs & {*(name.lower().rstrip(".") for name in names), *_addresses(names)}:',
        without="if not names:",
        test="tests/engine/test_alarms.py::test_a_relay_on_one_of_our_nodes_is_refused[sqlite-localhost]",
    ),
    Guard(
        promise="An alarm does not end in a mailbox on the node it is about",
        path="panel/engine/relay.py",
        text="if not domain or self.is_ours(domain):",
        without="if not domain:",
        test="tests/engine/test_alarms.py::test_recipients_on_our_own_nodes_are_refused",
    ),
    Guard(
        promise="Two workers do not tell of the same alarm",
        path="panel/engine/alarms.py",
        text=".values(retry_at=database_now(CLAIM_SECONDS), attempts=Alarm.attempts + 1)",
        without=".values(attempts=Alarm.attempts + 1)",
        test="tests/engine/test_alarms.py::test_who_died_over_a_message_leaves_it_for_later[sqlite]",
    ),
    Guard(
        promise="Figures are not told to whoever comes through a proxy",
        path="panel/web/metrics.py",
        text='if any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP")):',
        without="if not request.headers:",
        test="tests/web/test_metrics.py::test_only_the_networks_named_are_let_in_and_none_through_a_proxy",
    ),
    Guard(
        promise="A right on one member is none on another",
        path="panel/kernel/access.py",
        text="return permission in self.permissions and permission in PERMISSIONS and self.includes(member_id)",
        without="return permission in self.permissions and permission in PERMISSIONS",
        test="tests/identity/test_grants.py::test_who_has_power_here_and_there_gives_it_there_only[sqlite]",
    ),
    Guard(
        promise="What is out of reach looks absent",
        path="panel/kernel/access.py",
        text='    if not actor.reaches(member_id):\n        raise NotFound("not_found")\n    if not (actor.may_everywhere',
        without="    if not (actor.may_everywhere",
        test=PAGE + "[mail.show]",
    ),
    Guard(
        promise="Lists are narrowed to what one reaches",
        path="panel/kernel/access.py",
        text="    return query.where(column.in_(members)) if members else query.where(false())",
        without="    return query if members else query.where(false())",
        test=REACH + "test_a_list_shows_all_rows_in_reach_and_no_other",
    ),
    Guard(
        promise="A list of mailboxes is in nobody's hands but theirs who may read them",
        path="panel/mail/actions.py",
        text='    query = scoped(actor, "mail:read", select(Mailbox), Mailbox.member_id)',
        without="    query = select(Mailbox)",
        test=REACH + "test_a_list_shows_all_rows_in_reach_and_no_other",
    ),
    Guard(
        promise="A mailbox is opened by who may",
        path="panel/mail/actions.py",
        text="    require_on(actor, permission, mailbox.member_id)\n",
        without="",
        test=PAGE + "[mail.show]",
    ),
    Guard(
        promise="Mailboxes are made by who may make them for that member",
        path="panel/mail/actions.py",
        text='            require(actor, "mail:write", member_id)\n',
        without="",
        test=REACH + "test_one_foreign_row_among_many_makes_none_and_is_named",
    ),
    Guard(
        promise="A filter narrows what is in reach, and opens nothing",
        path="panel/ledger/events.py",
        text='    query = scoped(actor, "events:read", select(Event), Event.member_id)',
        without='    query = (select(Event) if member_id else scoped(actor, "events:read", select(Event), Event.member_id))',
        test=REACH + "test_no_filter_opens_what_is_out_of_reach",
    ),
    Guard(
        promise="A route that asks for less than it should is noticed",
        path="panel/web/contracts.py",
        text='@area.route("/new", methods=["GET", "POST"])\n@permission("contracts:write", staff=True)',
        without='@area.route("/new", methods=["GET", "POST"])\n@permission("contracts:read")',
        test="tests/matrix/test_matrix.py::test_the_table_says_what_everything_needs_and_so_does_the_code",
    ),
    Guard(
        promise="A job is asked for again by who may on its own member",
        path="panel/ledger/jobs.py",
        text="    require_on(actor, permission, job.member_id)\n",
        without="",
        test=OPERATION + "[retry_job]",
    ),
    Guard(
        promise="Nobody gives a role that may more than they",
        path="panel/identity/grants.py",
        text="    require_held(actor, ROLES[role], member_id)\n    _require",
        without="    _require",
        test="tests/identity/test_grants.py::test_nobody_gives_what_they_lack_anywhere[sqlite]",
    ),
    Guard(
        promise="Nobody raises themselves",
        path="panel/identity/grants.py",
        text="    if user.id == actor.user_id:\n",
        without="    if not user.id:\n",
        test="tests/identity/test_grants.py::test_nobody_raises_themselves_or_makes_rights_outlive_their_own[sqlite]",
    ),
    Guard(
        promise="Nobody blocks or renames somebody who holds more",
        path="panel/identity/people.py",
        text="            if not held:\n",
        without="            if not needed:\n",
        test="tests/identity/test_grants.py::test_nobody_changes_somebody_who_holds_more[sqlite]",
    ),
    Guard(
        promise="Somebody stays who looks after the association",
        path="panel/identity/people.py",
        text="    if admins and not left:\n",
        without="    if not admins and left:\n",
        test="tests/identity/test_grants.py::test_somebody_stays_who_looks_after_the_association[sqlite]",
    ),
    Guard(
        promise="A grant that ended gives nothing",
        path="panel/identity/actions.py",
        text="for grant in user.grants if grant.holds_at(moment)",
        without="for grant in user.grants",
        test="tests/identity/test_grants.py::test_a_grant_ends_by_itself[sqlite]",
    ),
    Guard(
        promise="Who was moved away is reached no more, whatever a process remembers",
        path="panel/members/tree.py",
        text="    if kept is None or mark is None or kept.mark != mark:",
        without="    if kept is None:",
        test="tests/identity/test_grants.py::test_moving_a_member_changes_who_reaches_it_at_once_and_never_makes_a_ring[sqlite]",
    ),
    Guard(
        promise="A mailbox's holder changes the password by the old one only",
        path="panel/mail/holders.py",
        text="    if not is_mailbox_password(old, had):",
        without="    if not old:",
        test="tests/web/test_own_mailbox.py::test_a_holder_sees_the_mailbox_and_sets_another_password",
    ),
    Guard(
        promise="A new password ends the sessions of a mailbox's holder",
        path="panel/web/holding.py",
        text=" or not hmac.compare_digest(mark, _mark(mailbox))",
        without=" or not mark",
        test="tests/web/test_own_mailbox.py::test_a_holder_sees_the_mailbox_and_sets_another_password",
    ),
)
