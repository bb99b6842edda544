"""Framing between panel and agent: a 4-byte big-endian length, then that many bytes of UTF-8 JSON.

Stdlib only: used at both ends. One request is answered by one reply, in order, over one long session.

Requests (``op``):
    ``hello``     ``{protocols[]?}`` → ``{protocol, protocols[], agent_version, release, services{name: version},
                  roles[], fence}``; ``protocol`` is the highest that both speak, 1 where the request names none.
                  Without a common one: error ``protocol``, with the agent's ``protocols``. ``agent_version`` is the
                  first twelve digits of the SHA-256 of the program's file
    ``apply``     ``{fence, batch, items[], watch?, approved?, repair?}`` → ``{batch, outcomes[], replayed}``;
                  ``approved`` is the digest a person approved. ``repair`` true (protocol 2): a person wants it so
                  whatever stands there; what seems to be so is written again too, map rows included, and what an
                  administrator rolled back is no longer held
    ``outcomes``  ``{batch}`` → ``{known, outcomes[]}`` (kept seven days)
    ``watch``     ``{fence, watch}`` → ``{}``; prepares probes, changes no resource
    ``state``     ``{kind, ids[]}`` → ``{items: {id: {generation, digest, …}}}``, read from the real service

Since protocol 4, reading only:
    ``use``       ``{after, seconds, every}`` → ``{use{id: kib}, mark, more, whole_seconds}``: how much mailboxes hold,
                  as Dovecot counts it. The agent reads on for about ``seconds``, a round through all mailboxes begins
                  ``every`` seconds after the last at the earliest, and what changed since the ``mark`` of the reply
                  before is told (0: all). -1: Dovecot could not read it. ``more``: ask again for the rest.
                  ``whole_seconds``: so long ago began the last round that is whole, null while there is none: what is
                  told at ``mark`` is no older, told or not

Since protocol 5, reading only but for the last:
    ``zones``     ``{names[]}`` → ``{zones{name: {serial, ds[], cds[], expires_at}}}``, as the daemon serves them, at
                  most ten thousand; what it does not serve is left out. ``ds``: of each key that the parent may name,
                  as the value of a DS record; ``cds``: what it should have; ``expires_at``: when its
                  first signature ends, UTC ISO 8601, null unsigned
    ``changes``   ``{names{name: serial|null}}`` → ``{zones{name: {serial, records[], changes[{serial, removed[],
                  added[]}]|null}}}``, at most a hundred: of zones that take updates what they hold, and the single
                  changes since that serial, records as ``[name, type, ttl, value]``; null: nobody knows so far back
    ``sets``      ``{names[]}`` → ``{zones{name: {serial, records[]}}}``, at most a hundred: the record sets of zones
                  that take updates, as they are now, in the form of a zone's ``records``
    ``ds_seen``   ``{names[]}`` → ``{zones{name: bool}}``, which does something: the parents of these zones have the DS
                  of their newest keys (``cds`` of ``zones``), so that older ones may go; false: no key waits for that

Since protocol 5 ``hello`` tells ``kinds[]``, those that the node's roles take (of an agent that does not say: those of
mail), and a node that takes zones gets them (`zone.Zone`). A kind that no role of the node takes is refused with
``wrong_role``.

Since protocol 3 a mailbox may say ``grade`` and ``notice`` (`resources.Mailbox`). Ungraded ones leave both out, on the
wire as in digests and lines, so that agents of before are sent and tell the same as ever. A graded one is not sent to
those: nothing else of the batch waits for it, and it fails with ``agent_too_old`` until the agent is upgraded.

Since protocol 2, all but ``drop`` reading only, all from what is on the node now and never from what the agent noted:
    ``survey``    ``{}`` → ``{kinds: {kind: {count, generations, shards: {shard: digest}}}, foreign[], foreign_count,
                  files{name: bool}}``; ``generations`` is their sum, which no digest tells of
    ``keys``      ``{kind, shards[]}`` → ``{items: {id: {generation, digest, name, served}}}``
    ``read``      ``{kind, ids[]}`` → ``{items[]}`` in the form in which they are sent; a value somebody edited by hand
                  comes as it is, so an item need not be readable
    ``known``     ``{kind}`` → ``{items: {id: generation}, gone: {id: generation}}``: the counters to be lifted above
    ``drop``      ``{fence, foreign[{map, key}]}`` → ``{dropped[{map, key, value}]}``: rows that nobody wanted and a
                  person gave up, at most a thousand; keys are addresses, domains or ``@domain``; what is not foreign
                  stays
    ``health``    ``{}`` → ``{load[3], cpus, memory{total, available}, disks[{path, total, free}], queue{active,
                  deferred, incoming, hold}, daemons{name: bool}, certificate_expires_at, uptime_seconds, time}``,
                  bytes and seconds, times as UTC ISO 8601, null where there is no certificate to read

Backups, since protocol 2; a run goes on in the background, the reply does not wait for it and one ``run`` (an id of the
panel's) is begun once only:
    ``backup``         ``{fence, run}`` → ``{started, code, message}``; not started: ``not_set_up``, ``running``
    ``backup_status``  ``{}`` → ``{set_up, running, backup{…}, restore{…}}``, of the last run of each: ``{state, run,
                       began_at, ended_at?, code?, message?, …}``, state ``starting running done failed``; a backup has
                       ``{share, bytes, files, added, snapshot}`` too, a restore ``{messages, bytes | mailboxes}``
    ``snapshots``      ``{}`` → ``{snapshots[{id, at}], code, message}``, oldest first
    ``restore_mail``   ``{fence, run, mailbox_id, snapshot, folder?, into}`` → as ``backup``; into a new folder only
    ``restore_store``  ``{fence, run, snapshot?, also[]?}`` → as ``backup``; the mail of every mailbox the node knows
                       and of ``also``, beneath what has come since

A ``shard`` is the last two digits of an id; its digest is that of the lines of its resources (`shards.shard_digest`,
`shards.line_of`), generations left out; empty shards are left out. A resource that its service does not serve as its
row says has another line, so its shard differs from the wanted, and in ``keys`` its ``served`` is false. ``foreign``
rows are ``{map, key, value}``, at most a thousand. ``files`` tells of each configuration file whether it is as
the node's set-up wrote it. To overwrite a resource whose row was lost and whose address a foreign row has taken since:
first ``drop``, then ``apply`` with ``repair``.

``watch`` is ``{master{digest, network, seconds}?, tokens[{mailbox_id, token}]}``: the probe's short-lived master
login (``digest`` is SHA-256, hex, of its random secret) and the one-time tokens by which the node knows the
probe's own messages.

An outcome is ``{kind, id, generation, outcome, code, message}``. ``message`` holds the service's own words.
Every reply carries ``ok``; when false, ``error`` and ``message`` say why, and nothing was changed. With ``guard`` comes
``what``: ``removed:KIND``, ``password_changes`` or ``dropped``.
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO, Literal

PROTOCOL = 1
"""What is spoken with an end that names no other."""
PROTOCOLS = (1, 2, 3, 4, 5)
"""The versions this module describes, oldest first."""
FRAME_BYTES_MAX = 64 * 1024 * 1024

Outcome = Literal["applied", "unchanged", "refused", "failed", "unknown"]
ReplyError = Literal["protocol", "stale_fence", "bad_request", "guard", "busy", "internal"]

_HEAD = struct.Struct(">I")


class WireError(Exception):
    """The other end sent what is no frame: the session is of no more use."""


class SessionEnded(WireError):
    """The stream ended; ``clean`` tells whether it ended between two frames."""

    def __init__(self, *, clean: bool) -> None:
        super().__init__("ended between frames" if clean else "ended inside a frame")
        self.clean = clean


def encode(message: dict[str, Any]) -> bytes:
    """One frame, ready to send."""
    body = json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()
    if len(body) > FRAME_BYTES_MAX:
        raise WireError(f"frame of {len(body)} bytes, at most {FRAME_BYTES_MAX}")
    return _HEAD.pack(len(body)) + body


def write_frame(stream: BinaryIO, message: dict[str, Any]) -> None:
    """Write one frame and flush."""
    stream.write(encode(message))
    stream.flush()


def read_frame(stream: BinaryIO) -> dict[str, Any]:
    """Read one frame. Raises SessionEnded at the end of the stream, WireError on anything that is no frame."""
    (length,) = _HEAD.unpack(_read_exactly(stream, _HEAD.size, clean=True))
    if length > FRAME_BYTES_MAX:
        raise WireError(f"frame of {length} bytes announced, at most {FRAME_BYTES_MAX}")
    try:
        message = json.loads(_read_exactly(stream, length, clean=False))
    except ValueError as error:
        raise WireError("frame is no JSON") from error
    if not isinstance(message, dict):
        raise WireError("frame is no object")
    return message


def _read_exactly(stream: BinaryIO, size: int, *, clean: bool) -> bytes:
    parts: list[bytes] = []
    missing = size
    while missing:
        part = stream.read(missing)
        if not part:
            raise SessionEnded(clean=clean and not parts)
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
