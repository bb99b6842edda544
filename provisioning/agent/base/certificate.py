"""The node's TLS certificate: made here if there is none; its key never leaves the node."""

from __future__ import annotations

from pathlib import Path

from provisioning.agent.base.commands import attempt, run
from provisioning.agent.base.errors import SetupFailed
from provisioning.agent.base.placing import make_folder, place, require_root_only

FOLDER = Path("/etc/cis/tls")
CERTIFICATE = FOLDER / "cert.pem"
KEY = FOLDER / "key.pem"
_DAYS = "3650"


def ensure_certificate(hostname: str) -> str:
    """Return the certificate (PEM) for ``hostname``, self-signed now if none was there.

    Raises SetupFailed if the one that is there is for another name: whose it is, is not ours to guess.
    """
    make_folder(FOLDER)
    if not (CERTIFICATE.exists() and KEY.exists()):
        _make(hostname)
    certificate = CERTIFICATE.read_text()
    code, words = attempt(["openssl", "x509", "-in", str(CERTIFICATE), "-noout", "-checkhost", hostname])
    if code != 0 or "does match" not in words:
        raise SetupFailed("certificate", f"{CERTIFICATE} is not for {hostname}: replace or remove it with its key")
    return certificate


def _make(hostname: str) -> None:
    require_root_only(FOLDER)
    draft = FOLDER / "key.pem.new"
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]
    subject = ["-days", _DAYS, "-subj", f"/CN={hostname}", "-addext", f"subjectAltName=DNS:{hostname}"]
    run([*command, *subject, "-keyout", str(draft), "-out", str(CERTIFICATE)])
    draft.chmod(0o600)
    draft.rename(KEY)
    place(CERTIFICATE, CERTIFICATE.read_bytes(), 0o644)
