"""The panel's key can start the agent, and nothing else: tried with the ordinary OpenSSH client, as a thief would."""

from __future__ import annotations

import io
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from provisioning.ssh import AgentSession, Refused, Unreachable
from provisioning.wire import encode, read_frame
from tests.provisioning.conftest import SpareNode, make_key

HELLO = encode({"op": "hello"})
WAITED = 124
ASKED_SECONDS = 5
SECONDS = 60
AGENT = "^/usr/bin/python3 -I -S .* serve"  # other programs of ours run by the same interpreter
WRAPPER = "/usr/local/lib/cis/agent"
AS_PANEL = "setpriv --reuid cis-agent --regid cis-agent --clear-groups env -i PATH=/usr/bin:/bin"
OPEN_FOLDER = "/tmp"  # noqa: S108 - on the node, where everybody may write
SERVE_ANYBODY = b"""
import os, socket
server = socket.socket(socket.AF_UNIX)
server.bind("/run/anybody.sock")
os.chmod("/run/anybody.sock", 0o666)
server.listen()
while True:
    server.accept()[0].sendall(b"inside")
"""


@pytest.mark.parametrize(
    "asked",
    [
        ["id"],
        ["sh", "-c", "touch /tmp/was-here"],
        [WRAPPER, "--help"],
        ["; touch /tmp/was-here"],
        ["$(touch /tmp/was-here)"],
        ["-c", "touch /tmp/was-here"],
        [],
    ],
)
def test_whatever_is_asked_for_the_agent_answers(spare: SpareNode, asked: list[str]) -> None:
    done = ssh(spare, *asked, stdin=HELLO)

    reply = read_frame(io.BytesIO(done.stdout))
    assert reply["ok"]
    assert reply["roles"] == ["mail"]
    assert spare.run("ls /tmp/was-here 2>&1 || true").endswith("No such file or directory")


def test_sftp_and_scp_get_nothing(spare: SpareNode, tmp_path: Path) -> None:
    target = f"cis-agent@{spare.state.address}"
    listing = client(spare, "sftp", "-b", "-", target, stdin=b"ls /\nget /etc/passwd\n", cwd=tmp_path)
    copy = client(spare, "scp", f"{target}:/etc/passwd", "copy", cwd=tmp_path)
    old_copy = client(spare, "scp", "-O", f"{target}:/etc/passwd", "copy", cwd=tmp_path)
    placed = client(spare, "scp", "-O", str(spare.panel_key) + ".pub", f"{target}:/tmp/placed", cwd=tmp_path)

    assert 0 not in {listing.returncode, copy.returncode, old_copy.returncode, placed.returncode}
    assert not list(tmp_path.iterdir())
    assert b"root:" not in listing.stdout + copy.stdout + old_copy.stdout
    spare.run("test ! -e /tmp/placed")


@pytest.mark.parametrize("inner", ["127.0.0.1:25", "/run/anybody.sock"])
def test_no_connection_is_passed_into_the_node(spare: SpareNode, inner: str) -> None:
    spare.run("setsid --fork python3 - >/dev/null 2>&1", SERVE_ANYBODY)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with held(spare, "-N", "-L", f"127.0.0.1:{port}:{inner}") as words:
        await_port(port)
        with socket.create_connection(("127.0.0.1", port), SECONDS) as link:
            link.settimeout(SECONDS)
            assert received(link) == b""

    assert "open failed" in words.read_text()


def test_no_port_of_the_node_is_opened_for_us(spare: SpareNode) -> None:
    done = ssh(spare, "-N", "-o", "ExitOnForwardFailure=yes", "-R", "8099:127.0.0.1:22", first=True)

    assert done.returncode != 0
    assert b"remote port forwarding failed" in done.stderr
    assert ":8099" not in spare.run("ss -ltn")


def test_no_socket_of_the_node_is_opened_for_us(spare: SpareNode) -> None:
    done = ssh(spare, "-N", "-o", "ExitOnForwardFailure=yes", "-R", f"{OPEN_FOLDER}/door:127.0.0.1:22", first=True)

    assert done.returncode != 0
    assert b"forwarding failed" in done.stderr
    spare.run(f"test ! -e {OPEN_FOLDER}/door")


def test_neither_keys_nor_display_nor_environment_reach_the_node(spare: SpareNode, tmp_path: Path) -> None:
    trial = ["-A", "-X", "-o", "SendEnv=LANG LC_ALL CIS_TEST", "-o", "SetEnv=LC_CIS=mine PYTHONPATH=/x LD_PRELOAD=/x/y"]
    environment = {"LANG": "pl_PL.UTF-8", "LC_ALL": "pl_PL.UTF-8", "CIS_TEST": "mine", "PATH": "/usr/bin:/bin"}
    with key_agent(tmp_path / "agent.sock") as sock, running_agent(spare, *trial, env=environment | sock):
        found = spare.run("tr '\\0' '\\n' < /proc/$(pgrep -f '^/usr/bin/python3 -I -S .* serve')/environ")
        sockets = spare.run("ls /tmp | grep '^ssh-' || true")

    names = {line.partition("=")[0] for line in found.splitlines()}
    assert not names & {"LANG", "LC_ALL", "LC_CIS", "CIS_TEST", "PYTHONPATH", "LD_PRELOAD", "SSH_AUTH_SOCK", "DISPLAY"}
    assert "SSH_ORIGINAL_COMMAND" not in names
    assert "mine" not in found
    assert not sockets


def test_no_terminal_is_given(spare: SpareNode) -> None:
    with running_agent(spare, "-tt"):
        assert spare.run("ps -o tty= -p $(pgrep -f '^/usr/bin/python3 -I -S .* serve')") == "?"
        assert not spare.run("ls /dev/pts | grep -v ptmx || true")


def test_the_key_is_accepted_from_the_panels_network_only(spare: SpareNode) -> None:
    spare.enroll(roles=("mail",), panel_source_networks=("192.0.2.0/24", "2001:db8::/32"))
    try:
        with pytest.raises(Refused):
            hello(spare)
    finally:
        spare.enroll(roles=("mail",))
    assert hello(spare)


def test_neither_key_opens_the_others_door(spare: SpareNode) -> None:
    operator = AgentSession(spare.state.address, 22, spare.host_key, spare.lab.operator_key)
    with pytest.raises(Refused):
        operator.request({"op": "hello"}, 20)

    done = ssh(spare, "id", user="root")
    assert done.returncode == 255
    assert b"Permission denied" in done.stderr


def test_a_new_key_takes_the_place_of_the_old_one(spare: SpareNode, tmp_path: Path) -> None:
    new = make_key(tmp_path / "new")
    spare.enroll(roles=("mail",), panel_public_key=new.with_suffix(".pub").read_text())
    try:
        assert hello(spare, new)
        with pytest.raises(Refused):
            hello(spare)
    finally:
        spare.enroll(roles=("mail",))


@pytest.mark.parametrize(
    "asked",
    [
        f"{WRAPPER} serve",
        f"{WRAPPER} ''",
        "/bin/sh",
        "-u postgres true",
        f"-E {WRAPPER}",
        f"X=1 {WRAPPER}",
        "-l -U root",
    ],
)
def test_sudo_knows_one_line(spare: SpareNode, asked: str) -> None:
    done = spare.lab.exec("mail1", ["sh", "-c", f"{AS_PANEL} sudo -n {asked}"], stdin=HELLO)

    assert done.returncode != 0
    assert b"protocol" not in done.stdout


def test_the_panels_user_can_write_to_nothing_of_its_own(spare: SpareNode) -> None:
    spare.run(f"{AS_PANEL} true")
    places = "/usr/local /etc /var/lib /srv /home /root /opt"
    owned = spare.run("find / -xdev -user cis-agent -not -path '/proc/*'")
    writable = spare.run(f"{AS_PANEL} find {places} -xdev ! -type l -writable 2>/dev/null || true")

    assert owned == ""
    assert writable == ""
    assert spare.run("getent shadow cis-agent | cut -d: -f2") == "*"


def test_its_login_shell_is_no_shell(spare: SpareNode) -> None:
    done = spare.lab.exec("mail1", ["su", "-", "cis-agent", "-c", "touch /tmp/was-here"], stdin=HELLO)

    assert read_frame(io.BytesIO(done.stdout))["ok"]
    spare.run("test ! -e /tmp/was-here")


@pytest.mark.parametrize(
    "tamper",
    [
        "mv agent.pyz real.pyz; ln -s real.pyz agent.pyz",
        "cp agent.pyz real.pyz; chown cis-agent agent.pyz",
        "cp agent.pyz real.pyz; chmod 666 agent.pyz",
    ],
)
def test_a_program_that_is_no_plain_file_of_roots_is_not_started(spare: SpareNode, tamper: str) -> None:
    spare.run(f"cd /usr/local/lib/cis; {tamper}")
    try:
        with pytest.raises(Unreachable, match="not started"):
            hello(spare)
    finally:
        spare.run("cd /usr/local/lib/cis; mv -f real.pyz agent.pyz; chown root:root agent.pyz; chmod 644 agent.pyz")
    assert hello(spare)


def ssh(
    node: SpareNode, *asked: str, stdin: bytes = b"", user: str = "cis-agent", first: bool = False
) -> subprocess.CompletedProcess[bytes]:
    target = f"{user}@{node.state.address}"
    words = [*asked, target] if first else [target, "--", *asked]
    return client(node, "ssh", *words, stdin=stdin, seconds=SECONDS)


def hello(node: SpareNode, key: Path | None = None) -> bool:
    """Whether the agent answers; its session is closed, so that no agent is left."""
    session = node.session(key)
    try:
        return bool(session.request({"op": "hello"}, SECONDS)["ok"])
    finally:
        session.close()


def client(
    node: SpareNode,
    program: str,
    *arguments: str,
    stdin: bytes = b"",
    cwd: Path | None = None,
    seconds: float = ASKED_SECONDS,
) -> subprocess.CompletedProcess[bytes]:
    command = [program, *options(node), *arguments]
    try:
        return subprocess.run(command, input=stdin, capture_output=True, timeout=seconds, check=False, cwd=cwd)
    except subprocess.TimeoutExpired as waited:
        # A client of another protocol and the agent may wait for each other's first word: nothing was got either.
        return subprocess.CompletedProcess(command, WAITED, waited.stdout or b"", waited.stderr or b"")


def options(node: SpareNode) -> list[str]:
    known = node.folder / "known_hosts"
    known.write_text(f"{node.state.address} {node.host_key.type} {node.host_key.base64}\n")
    settings = [f"UserKnownHostsFile={known}", "IdentitiesOnly=yes", "BatchMode=yes", "ConnectTimeout=10"]
    return ["-F", "none", "-i", str(node.panel_key), *(word for setting in settings for word in ("-o", setting))]


@contextmanager
def held(node: SpareNode, *arguments: str, env: dict[str, str] | None = None) -> Iterator[Path]:
    """Keep an ssh client running; yield the file with its words."""
    words = node.folder / "words"
    command = ["ssh", *options(node), *arguments, f"cis-agent@{node.state.address}"]
    with words.open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log, env=env)
        try:
            yield words
        finally:
            process.kill()
            process.communicate()


@contextmanager
def running_agent(node: SpareNode, *arguments: str, env: dict[str, str] | None = None) -> Iterator[None]:
    with held(node, *arguments, env=env):
        node.run(
            "for i in $(seq 800); do pgrep -f '^/usr/bin/python3 -I -S .* serve' && exit; sleep 0.05; done; exit 1"
        )
        yield
    node.run("for i in $(seq 800); do pgrep -f '^/usr/bin/python3 -I -S .* serve' || exit 0; sleep 0.05; done; exit 1")


@contextmanager
def key_agent(path: Path) -> Iterator[dict[str, str]]:
    """Run an ssh-agent; yield the variable by which a client finds it."""
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + SECONDS
        while not path.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        try:
            yield {"SSH_AUTH_SOCK": str(path)}
        finally:
            process.terminate()


def await_port(port: int) -> None:
    deadline = time.monotonic() + SECONDS
    with socket.socket() as door:
        while door.connect_ex(("127.0.0.1", port)):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def received(link: socket.socket) -> bytes:
    try:
        return link.recv(100)
    except ConnectionResetError:
        return b""


@pytest.fixture(scope="module", autouse=True)
def mail(spare: SpareNode) -> None:
    spare.enroll(roles=("mail",))
