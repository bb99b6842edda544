"""A backup host in a lab: an sshd, one account that can do nothing but SFTP, and one folder for each node."""

from __future__ import annotations

from provisioning.backup_setup import Opened, Prepared, Repository, open_repository, prepare
from provisioning.enroll import OperatorLogin
from provisioning.lab import Lab
from provisioning.lab.fleet import NodeSpec
from provisioning.ssh import HostKey, scan_host_key

FLEET = (NodeSpec("mail1", ("mail",), 11), NodeSpec("backup1", (), 31))
REPOSITORY = Repository("cis-backup", "backup1.lab.test", 22, "/mail1")
_MAKE = """
set -e
id cis-backup >/dev/null 2>&1 && exit 0
useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin --password '*' cis-backup
mkdir -p /srv/backup/mail1 /etc/ssh/keys
chown cis-backup /srv/backup/mail1
chmod 700 /srv/backup/mail1
cat > /etc/ssh/sshd_config.d/20-backup.conf <<'X'
Match User cis-backup
    ChrootDirectory /srv/backup
    ForceCommand internal-sftp
    AuthorizedKeysFile /etc/ssh/keys/%u
    AllowTcpForwarding no
X
kill -HUP "$(cat /run/sshd.pid)"
"""


class BackupHost:
    """The host `backup1` of a lab with the fleet ``FLEET``."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._run(_MAKE)

    def let_in(self, public_key: str) -> None:
        """Let a node's key in, as the backup host's administrator does."""
        self._run("cat >> /etc/ssh/keys/cis-backup", f"restrict {public_key}\n".encode())

    def host_key(self) -> HostKey:
        """The host's own key, as its administrator knows it."""
        return scan_host_key(self.lab.state().nodes["backup1"].address, 22)

    def files(self) -> int:
        """How many files the node's repository has."""
        return int(self._run("find /srv/backup/mail1 -type f | wc -l"))

    def _run(self, script: str, stdin: bytes = b"") -> str:
        done = self.lab.exec("backup1", ["sh", "-c", script], stdin=stdin)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()


def set_up_backups(lab: Lab, host: BackupHost, node_key: HostKey, *, password: str | None = None) -> Opened:
    """Have the node `mail1` back up to ``host``, as its operator does."""
    node, operator = lab.state().nodes["mail1"], OperatorLogin("root", lab.operator_key)
    place = (node.address, node.ssh_port, node_key)
    prepared: Prepared = prepare(*place, operator=operator, repository=REPOSITORY, progress=print)
    assert prepared.backup_host_key == host.host_key()
    host.let_in(prepared.public_key)
    return open_repository(
        *place,
        operator=operator,
        repository=REPOSITORY,
        backup_host_key=prepared.backup_host_key,
        password=password,
        progress=print,
    )
