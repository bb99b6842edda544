"""The lab's hosts are real, keep what they hold, and leave nothing behind."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioning.lab import Lab, LabError, LabState, NodeSpec, NoSuchNode, NotRunning, network
from provisioning.lab.state import HostProcess

ROOT = Path(__file__).resolve().parents[3]


def test_a_host_is_reached_by_ssh_from_the_root_namespace_with_the_operators_key(up: LabState) -> None:
    said = ssh(up, "hostname --fqdn; id -u")

    assert said.split() == ["mail1.lab.test", "0"]


def test_hosts_keep_their_data_and_their_host_key_when_the_lab_comes_up_again(own_lab: Lab, up: LabState) -> None:
    key = host_key(up)
    ssh(up, "echo kept > /srv/note")
    own_lab.down()

    again = own_lab.up()

    assert again == up
    assert ssh(again, "cat /srv/note").strip() == "kept"
    assert host_key(again) == key


def test_up_leaves_a_lab_that_runs_as_it_is(own_lab: Lab, up: LabState) -> None:
    ssh(up, "touch /run/same-boot")

    own_lab.up()

    assert ssh(up, "ls /run/same-boot").strip() == "/run/same-boot"


def test_what_enrolment_put_on_the_boot_list_starts_at_each_boot(own_lab: Lab, up: LabState) -> None:
    script = "/etc/cis/boot.d/10-x"
    ssh(up, f"mkdir -p /etc/cis/boot.d; printf '#!/bin/sh\\ntouch /run/started\\n' > {script}; chmod 755 {script}")
    own_lab.down()

    own_lab.up()

    assert ssh(up, "ls /run/started").strip() == "/run/started"


def test_down_removes_every_process_namespace_and_link(own_lab: Lab, up: LabState) -> None:
    inside = list(network.pids(own_lab.lab_id))

    own_lab.down()

    assert inside
    assert not [pid for pid in inside if HostProcess.of(pid)]
    assert not network.namespaces(own_lab.lab_id)
    assert own_lab.lab_id not in run("ip", "link", "show")
    assert str(own_lab.operator_key.parent) not in Path("/proc/self/mountinfo").read_text()
    assert own_lab.status() == {"mail1": False}


def test_up_clears_what_a_killed_lab_left_behind(own_lab: Lab, up: LabState) -> None:
    stray = subprocess.Popen(["ip", "netns", "exec", network.namespace(own_lab.lab_id, "mail1"), "sleep", "600"])
    (own_lab.operator_key.parent / "mail1/pid").unlink()

    again = own_lab.up()

    assert stray.wait(30) == -signal.SIGKILL
    assert ssh(again, "hostname").strip() == "mail1"


def test_a_pid_that_now_belongs_to_another_program_is_left_alone(own_lab: Lab, up: LabState) -> None:
    own_lab.down()
    with subprocess.Popen(["sleep", "600"]) as foreign:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        (own_lab.operator_key.parent / "mail1/pid").write_text(f"{foreign.pid} 1 {boot}")

        own_lab.down()

        assert own_lab.status() == {"mail1": False}
        assert foreign.poll() is None
        foreign.kill()


def test_nothing_inside_a_host_tells_of_the_checkout(own_lab: Lab, up: LabState) -> None:
    mounts = ssh(up, "cat /proc/self/mountinfo /proc/mounts")
    processes = ssh(up, "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\\0' '\\n'")

    assert str(own_lab.operator_key.parents[3]) not in mounts + processes
    assert own_lab.exec("mail1", ["ls", str(ROOT / "provisioning")]).returncode != 0


def test_a_host_may_not_touch_this_machines_clock_or_kernel_settings(own_lab: Lab, up: LabState) -> None:
    # Should a limit be missing, these attempts still do no harm: both set what already is.
    set_clock = "import time; time.clock_settime(time.CLOCK_REALTIME, time.time())"
    set_panic = "from pathlib import Path; p = Path('/proc/sys/kernel/panic'); p.write_text(p.read_text())"
    for attempt in (set_clock, set_panic):
        by_ssh = ssh(up, f"python3 -c {shlex.quote(attempt)} 2>&1 || true")
        by_exec = own_lab.exec("mail1", ["python3", "-c", attempt]).stderr.decode()

        assert re.search("PermissionError|Read-only file system", by_ssh)
        assert re.search("PermissionError|Read-only file system", by_exec)


def test_the_root_namespace_gains_one_link_with_one_address_and_nothing_else(own_lab: Lab) -> None:
    door = f"cis{own_lab.lab_id}"
    before = root_namespace(door)

    state = own_lab.up()
    during = root_namespace(door)
    own_lab.down()

    assert during.pop(door) == [f"{state.gateway}/24"]
    assert during == before
    assert root_namespace(door) == before


def test_two_labs_started_at_the_same_moment_run_side_by_side(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    labs = [Lab(folder) for folder in folders]
    script = "import sys, pathlib; from provisioning.lab import Lab; Lab(pathlib.Path(sys.argv[1])).up()"
    starts = [subprocess.Popen([sys.executable, "-c", script, str(folder)], cwd=ROOT) for folder in folders]
    try:
        assert [start.wait(300) for start in starts] == [0, 0]
        one, two = (lab.state() for lab in labs)
        ssh(one, "echo one > /srv/note")

        assert one.subnet != two.subnet
        assert host_key(one) != host_key(two)
        assert ssh(two, "ls /srv").strip() == ""
        labs[0].down()
        assert ssh(two, "hostname").strip() == "mail1"
    finally:
        for lab in labs:
            lab.destroy()


def test_labs_of_one_checkout_with_different_names_do_not_share_anything(tmp_path: Path) -> None:
    assert Lab(tmp_path, "main").lab_id != Lab(tmp_path, "test").lab_id


def test_another_node_is_one_more_entry(tmp_path: Path) -> None:
    lab = Lab(tmp_path, fleet=(NodeSpec("mail1", ("mail",), 11), NodeSpec("mail2", ("mail",), 12)))
    try:
        state = lab.up()

        assert ssh(state, "ping -c 1 -W 30 mail2.lab.test > /dev/null && echo yes").strip() == "yes"
    finally:
        lab.destroy()


def test_a_node_that_is_not_declared_or_not_up_is_told_in_words(tmp_path: Path) -> None:
    lab = Lab(tmp_path)

    with pytest.raises(NoSuchNode, match="mail1"):
        lab.exec("mail9", ["true"])
    with pytest.raises(NotRunning, match="cis lab up"):
        lab.exec("mail1", ["true"])
    with pytest.raises(NotRunning, match="cis lab up"):
        lab.state()


def test_state_files_and_keys_are_roots_alone(own_lab: Lab, up: LabState) -> None:
    folder = own_lab.operator_key.parent

    assert folder.parent.stat().st_mode & 0o077 == 0
    assert own_lab.operator_key.stat().st_mode & 0o077 == 0
    assert (folder / "state.json").stat().st_mode & 0o077 == 0


def test_an_older_network_is_kept_unless_somebody_else_took_it(own_lab: Lab, up: LabState) -> None:
    own_lab.down()
    run("ip", "link", "add", "cis-thief", "type", "veth", "peer", "name", "cis-thief2")
    try:
        run("ip", "address", "add", f"{up.gateway}/24", "dev", "cis-thief")
        run("ip", "link", "set", "cis-thief", "up")

        assert own_lab.up().subnet != up.subnet
    finally:
        run("ip", "link", "delete", "cis-thief")


def test_a_host_stays_on_the_base_it_was_made_on(own_lab: Lab, up: LabState) -> None:
    note = own_lab.operator_key.parent / "mail1/base"
    own_lab.down()
    note.write_text("/var/cache/cis-lab/base-gone\n")

    with pytest.raises(LabError, match="cis lab destroy"):
        own_lab.up()


def test_the_command_line_answers_with_exit_codes(own_lab: Lab) -> None:
    assert cis_lab("exec", "mail9", "--", "true").returncode == 1
    assert cis_lab("sideways").returncode == 2
    refused = subprocess.run(
        ["/usr/bin/python3", "-c", NOT_ROOT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "needs root" in refused.stdout + refused.stderr


# It becomes somebody else only once it is loaded: the checkout may lie where only root can read.
NOT_ROOT = """
import os
from pathlib import Path
from provisioning.lab import Lab, LabError
os.setgroups([])
os.setuid(65534)
try:
    Lab(Path("/tmp")).up()
except LabError as error:
    print(error)
"""


def cis_lab(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "panel.cli.lab", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def ssh(state: LabState, command: str) -> str:
    node = state.nodes["mail1"]
    options = [
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "LogLevel=ERROR",
        "-F",
        "none",
    ]
    identity = ["-i", str(state.operator_key), "-o", "IdentitiesOnly=yes"]
    return run("ssh", *options, *identity, "-p", str(node.ssh_port), f"root@{node.address}", command)


def host_key(state: LabState) -> str:
    return ssh(state, "cat /etc/ssh/ssh_host_ed25519_key.pub")


# Labs of others may come and go while this test looks.
_OTHER_LAB = re.compile(r"cis[0-9a-f]{8}")


def root_namespace(door: str) -> dict[str, object]:
    links = json.loads(run("ip", "-json", "address"))
    addresses: dict[str, object] = {
        link["ifname"]: [
            f"{each['local']}/{each['prefixlen']}" for each in link["addr_info"] if each["family"] == "inet"
        ]
        for link in links
        if not _OTHER_LAB.fullmatch(link["ifname"]) or link["ifname"] == door
    }
    return addresses | {"ip_forward": Path("/proc/sys/net/ipv4/ip_forward").read_text().strip()}


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture
def own_lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab that a test may break."""
    lab = Lab(tmp_path)
    yield lab
    lab.destroy()


@pytest.fixture
def up(own_lab: Lab) -> LabState:
    return own_lab.up()
