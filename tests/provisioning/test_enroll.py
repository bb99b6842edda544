"""Enrolment makes a bare host a node, says why when it cannot, and changes nothing the second time."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from provisioning.agent.build import build_zipapp
from provisioning.enroll import Enrolled, EnrolmentFailed, HostKey, OperatorLogin
from provisioning.ssh import HostKeyChanged, Refused, Unreachable
from tests.provisioning.conftest import SpareNode, make_key

OURS = (
    "/etc/cis /usr/local/lib/cis /usr/local/sbin/cis-node /etc/ssh /etc/sudoers.d /etc/nftables.conf /etc/passwd "
    "/etc/shadow /etc/postfix /etc/dovecot"
)
SNAPSHOT = (
    f"find {OURS} -type f ! -name 'passwd-' ! -name 'shadow-' -printf '%p %m %u ' -exec sha256sum {{}} \\; | sort"
)

# A repository on the node itself with one package of a name that set-up wants: the lab reaches no other one.
APT_REPOSITORY = """
set -e
dpkg --purge logrotate
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
mkdir -p /srv/repository /srv/package/DEBIAN
cd /srv/repository
printf 'Package: logrotate\\nVersion: 99\\nArchitecture: all\\nMaintainer: t <t@lab.test>\\nDescription: t\\n' \
    > /srv/package/DEBIAN/control
dpkg-deb --build /srv/package logrotate.deb
{ cat /srv/package/DEBIAN/control
  printf 'Filename: ./logrotate.deb\\nSize: %s\\nSHA256: %s\\n' \
      "$(stat -c %s logrotate.deb)" "$(sha256sum logrotate.deb | cut -d ' ' -f 1)"
} > Packages
echo 'deb [trusted=yes] file:/srv/repository ./' > /etc/apt/sources.list
"""


def test_a_bare_host_becomes_a_mail_node(spare: SpareNode, mail: Enrolled) -> None:
    hello = spare.session().request({"op": "hello"}, 60)

    assert (hello["release"], hello["roles"]) == ("12", ["mail"])
    assert hello["services"] == mail.services
    assert mail.services["postfix"].startswith("3.7")
    assert mail.services["dovecot"].startswith("2.3.19")
    assert mail.services["sender-check"] == mail.agent_version


def test_the_certificate_it_returns_is_the_one_its_services_show(spare: SpareNode, mail: Enrolled) -> None:
    shown = ssl.get_server_certificate((spare.state.address, 993), timeout=60)

    assert shown.split() == mail.certificate_pem.split()
    assert spare.run("stat -c '%a %U' /etc/cis/tls/key.pem") == "600 root"


def test_a_client_that_trusts_only_this_certificate_reaches_the_node_by_name(spare: SpareNode, mail: Enrolled) -> None:
    context = ssl.create_default_context(cadata=mail.certificate_pem)

    link = socket.create_connection((spare.state.address, 993), 60)
    with context.wrap_socket(link, server_hostname=spare.state.hostname) as tls:
        assert tls.version() in {"TLSv1.2", "TLSv1.3"}


def test_only_the_ports_its_roles_need_are_open(spare: SpareNode, mail: Enrolled) -> None:
    spare.run("python3 -m http.server 8080 >/dev/null 2>&1 & echo $! > /tmp/server")
    spare.run("until ss -ltn | grep -q :8080; do sleep 0.02; done")
    try:
        open_ports = [port for port in (22, 25, 465, 587, 993, 8080) if answers(spare, port)]
    finally:
        spare.run("kill $(cat /tmp/server)")

    assert open_ports == [22, 25, 465, 587, 993]


def test_enrolling_again_changes_nothing(spare: SpareNode, mail: Enrolled) -> None:
    before = spare.run(SNAPSHOT)
    master = spare.run("cat /var/spool/postfix/pid/master.pid /run/dovecot/master.pid")

    again = spare.enroll(roles=("mail",))

    assert again == mail
    assert spare.run(SNAPSHOT) == before
    assert spare.run("cat /var/spool/postfix/pid/master.pid /run/dovecot/master.pid") == master


def test_after_a_reboot_services_and_firewall_are_back(spare: SpareNode, mail: Enrolled) -> None:
    spare.lab.down()
    spare.lab.up()

    assert spare.session().request({"op": "hello"}, 60)["roles"] == ["mail"]
    assert all(answers(spare, port) for port in (25, 465, 587, 993))
    assert "table inet cis" in spare.run("nft list ruleset")
    assert spare.run("pgrep -c chronyd")


def test_what_the_lab_cannot_give_is_said(spare: SpareNode, mail: Enrolled) -> None:
    spare.enroll(roles=("mail",))

    assert any("clock" in line and "WARNING" in line for line in spare.said)


def test_the_version_it_tells_is_that_of_the_installed_program(spare: SpareNode, mail: Enrolled) -> None:
    assert spare.run("sha256sum /usr/local/lib/cis/agent.pyz").startswith(mail.agent_version)


def test_nothing_of_the_upload_stays_behind(spare: SpareNode, mail: Enrolled) -> None:
    assert not spare.run("ls /tmp | grep cis-enrol || true")


def test_the_nodes_administrator_has_a_command_that_needs_no_panel(spare: SpareNode, mail: Enrolled) -> None:
    assert spare.run("cis-node version") == spare.session().request({"op": "hello"}, 60)["agent_version"]
    assert '"differing": 0' in spare.run("cis-node verify")


def test_another_host_key_than_the_accepted_one_stops_it(bare: SpareNode, tmp_path: Path) -> None:
    kind, text = make_key(tmp_path / "other").with_suffix(".pub").read_text().split()[:2]

    with pytest.raises(HostKeyChanged):
        bare.enroll(host_key=HostKey(kind, text))

    assert untouched(bare)


def test_an_operator_the_host_does_not_know_is_refused(bare: SpareNode, tmp_path: Path) -> None:
    with pytest.raises(Refused):
        bare.enroll(operator=OperatorLogin("root", make_key(tmp_path / "stranger")))


def test_a_release_without_a_contract_suite_is_refused_and_left_alone(bare: SpareNode) -> None:
    bare.run("sed -i 's/^VERSION_ID=.*/VERSION_ID=\"13\"/' /etc/os-release")

    with pytest.raises(EnrolmentFailed, match="runs 13") as failure:
        bare.enroll()

    assert failure.value.code == "unsupported"
    assert untouched(bare)


def test_a_service_version_without_a_contract_suite_is_refused(bare: SpareNode) -> None:
    bare.run("sed -i '/^Package: postfix$/,/^$/s/^Version: .*/Version: 3.9.1-1/' /var/lib/dpkg/status")

    with pytest.raises(EnrolmentFailed, match=r"postfix 3\.9\.1") as failure:
        bare.enroll(roles=("mail",))

    assert failure.value.code == "unsupported"
    assert untouched(bare)


@pytest.mark.parametrize(
    "changes",
    [
        {"hostname": "mail1.lab.test\nevil"},
        {"hostname": "mail1;reboot"},
        {"panel_public_key": 'ssh-ed25519 AAAA",command="/bin/sh'},
        {"panel_source_networks": ('10.0.0.1",command="/bin/sh',)},
        {"roles": ("astrology",)},
    ],
)
def test_bad_values_are_refused_before_anything_is_done(
    spare: SpareNode, mail: Enrolled, changes: dict[str, object]
) -> None:
    before = spare.run(SNAPSHOT)

    with pytest.raises(EnrolmentFailed) as failure:
        spare.enroll(**changes)

    assert failure.value.code == "request"
    assert spare.run(SNAPSHOT) == before


def test_a_certificate_for_another_name_is_not_replaced_by_guess(spare: SpareNode, mail: Enrolled) -> None:
    with pytest.raises(EnrolmentFailed, match="replace or remove") as failure:
        spare.enroll(hostname="other.lab.test")

    assert failure.value.code == "certificate"


def test_an_operator_with_sudo_can_enrol(bare: SpareNode, tmp_path: Path) -> None:
    key = make_operator(bare, tmp_path, "ola ALL=(ALL) NOPASSWD: ALL")

    bare.enroll(operator=OperatorLogin("ola", key))

    assert bare.run("stat -c '%U %a' /usr/local/lib/cis/agent.pyz") == "root 644"


def test_an_operator_who_cannot_become_root_is_told(bare: SpareNode, tmp_path: Path) -> None:
    key = make_operator(bare, tmp_path, "# nothing")

    with pytest.raises(EnrolmentFailed) as failure:
        bare.enroll(operator=OperatorLogin("ola", key))

    assert failure.value.code == "no_sudo"
    assert untouched(bare)


def test_packages_that_are_missing_are_installed_by_apt(bare: SpareNode) -> None:
    bare.run(APT_REPOSITORY)

    bare.enroll()

    assert "Installing logrotate" in bare.said
    assert bare.run("dpkg-query --show --showformat='${Version}' logrotate") == "99"


def test_apts_own_words_are_told_when_it_cannot_install(bare: SpareNode) -> None:
    bare.run("dpkg --purge logrotate; rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*")

    with pytest.raises(EnrolmentFailed, match="logrotate") as failure:
        bare.enroll()

    assert failure.value.code == "command"
    assert untouched(bare)


def test_a_link_in_the_programs_place_is_replaced_and_not_followed(bare: SpareNode) -> None:
    bare.run("mkdir -p /usr/local/lib/cis; echo mine > /srv/file; ln -s /srv/file /usr/local/lib/cis/agent.pyz")

    bare.enroll()

    assert bare.run("cat /srv/file") == "mine"
    assert bare.run("stat -c '%F %U' /usr/local/lib/cis/agent.pyz") == "regular file root"


def test_a_folder_others_may_write_to_is_not_used(bare: SpareNode) -> None:
    bare.run("chmod 2775 /usr/local/lib")

    with pytest.raises(EnrolmentFailed, match="/usr/local/lib ") as failure:
        bare.enroll()

    assert failure.value.code == "tampering"


def test_an_sshd_that_refuses_the_settings_keeps_its_old_ones(bare: SpareNode) -> None:
    bare.run("printf 'Nonsense yes\\n' > /etc/ssh/sshd_config.d/90-broken.conf")

    with pytest.raises(EnrolmentFailed, match="Nonsense") as failure:
        bare.enroll()

    assert failure.value.code == "sshd"
    bare.run("test ! -e /etc/ssh/sshd_config.d/10-cis-agent.conf")


def test_firewall_rules_of_others_stay(bare: SpareNode) -> None:
    bare.run("nft add table inet theirs; printf '\\n# their line\\n' >> /etc/nftables.conf")

    bare.enroll()

    assert "table inet theirs" in bare.run("nft list ruleset")
    assert "# their line" in bare.run("cat /etc/nftables.conf")


def test_a_node_without_a_role_has_no_agent_to_speak_with(bare: SpareNode) -> None:
    bare.enroll()

    with pytest.raises(Unreachable, match="enrolled"):
        bare.session().request({"op": "hello"}, 60)


def test_the_same_sources_make_the_same_program(tmp_path: Path) -> None:
    assert build_zipapp(tmp_path / "one") == build_zipapp(tmp_path / "two")


def answers(node: SpareNode, port: int) -> bool:
    try:
        socket.create_connection((node.state.address, port), 2).close()
    except OSError:
        return False
    return True


def untouched(node: SpareNode) -> bool:
    found = "ls -d /etc/cis /usr/local/lib/cis /etc/sudoers.d/cis-agent /etc/ssh/cis-agent.keys 2>/dev/null || true"
    return node.run(f"{found}; getent passwd cis-agent || true") == ""


def make_operator(node: SpareNode, folder: Path, sudoers: str) -> Path:
    key = make_key(folder / "operator_key")
    node.run("useradd --create-home --shell /bin/bash --password '*' ola")
    public = key.with_suffix(".pub").read_bytes()
    node.run("install -d -m 700 -o ola ~ola/.ssh; cat > ~ola/.ssh/authorized_keys", public)
    node.run("cat > /etc/sudoers.d/ola", f"{sudoers}\n".encode())
    return key


@pytest.fixture(scope="module")
def mail(spare: SpareNode) -> Enrolled:
    return spare.enroll(roles=("mail",))
