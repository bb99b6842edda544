"""The base system is made of Debian's own packages, from where this machine takes them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from provisioning.lab import base


@pytest.mark.parametrize(
    ("line", "ours"),
    [
        ("deb http://mirror.example/debian bookworm main", True),
        ("deb [signed-by=/usr/share/keyrings/x.gpg] http://mirror.example/debian bookworm-updates main", True),
        ("deb http://mirror.example/debian-security bookworm-security main # notes", True),
        ("# deb http://mirror.example/debian bookworm main", False),
        ("deb cdrom:[Debian GNU/Linux 12]/ bookworm main", False),
        ("deb-src http://mirror.example/debian bookworm main", False),
        ("deb http://vendor.example/apt vendor-bookworm main", False),
        ("deb http://mirror.example/debian trixie main", False),
    ],
)
def test_lines_of_a_sources_list(tmp_path: Path, line: str, ours: bool) -> None:  # noqa: FBT001  # a table's column
    path = tmp_path / "sources.list"
    path.write_text(f"{line}\n")

    assert base._debian_parts(path) == ([line] if ours else [])


def test_stanzas_of_other_vendors_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "all.sources"
    debian = "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\nComponents: main"
    vendor = "Types: deb\nURIs: http://vendor.example/\nSuites: nodistro\nComponents: main"
    path.write_text(f"{debian}\n\n{vendor}\n")

    assert base._debian_parts(path) == [debian]


def test_a_changed_package_list_makes_another_base(monkeypatch: pytest.MonkeyPatch) -> None:
    before = base._key()
    monkeypatch.setattr(base, "packages", lambda: ["openssh-server"])

    assert base._key() != before


def test_labs_that_start_at_once_wait_for_one_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    builds: list[Path] = []

    def build(target: Path, cache: Path) -> None:
        builds.append(target)
        time.sleep(0.3)
        target.mkdir()

    monkeypatch.setattr(base, "_build", build)
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda _: base.ensure_base(lambda _line: None, cache=tmp_path), range(2)))

    assert len(builds) == 1
    assert found == [builds[0]] * 2
