from __future__ import annotations

from pathlib import Path

import pytest

from provisioning.agent.files import BadName, FixedRoot


def test_a_file_is_replaced_at_once_and_leaves_no_draft(tmp_path: Path) -> None:
    root = FixedRoot(tmp_path)
    root.write("map", b"old")
    root.write("map", b"new", mode=0o600)
    assert (tmp_path / "map").read_bytes() == b"new"
    assert (tmp_path / "map").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["map"]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "root").mkdir()
    (tmp_path / "root/map").symlink_to(victim)
    FixedRoot(tmp_path / "root").write("map", b"new")
    assert victim.read_bytes() == b"precious"
    assert not (tmp_path / "root/map").is_symlink()


def test_a_tree_goes_and_links_out_of_it_lead_nowhere(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    home = tmp_path / "root/aa/aabb"
    home.mkdir(parents=True)
    (home / "link").symlink_to(outside)
    root = FixedRoot(tmp_path / "root")
    assert root.remove_tree(("aa", "aabb"))
    assert not root.remove_tree(("aa", "aabb"))
    assert (outside / "precious").exists()


@pytest.mark.parametrize("planted", ["aa", "aa/aabb"])
def test_a_step_of_the_way_that_is_a_link_is_not_taken(tmp_path: Path, planted: str) -> None:
    outside = tmp_path / "outside"
    (outside / "aabb").mkdir(parents=True)
    (outside / "aabb/precious").touch()
    link = tmp_path / "root" / planted
    link.parent.mkdir(parents=True)
    link.symlink_to(outside if planted == "aa" else outside / "aabb")
    with pytest.raises(OSError, match=r"Not a directory|symbolic link"):
        FixedRoot(tmp_path / "root").remove_tree(("aa", "aabb"))
    assert (outside / "aabb/precious").exists()


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "/etc", "-rf", ".hidden", "a\0", "Ą"])
def test_only_plain_names(tmp_path: Path, name: str) -> None:
    root = FixedRoot(tmp_path)
    for act in (lambda: root.write(name, b""), lambda: root.remove(name), lambda: root.remove_tree(("aa", name))):
        with pytest.raises(BadName):
            act()
    assert not list(tmp_path.iterdir())


def test_what_is_kept_comes_back_once(tmp_path: Path) -> None:
    root = FixedRoot(tmp_path)
    root.keep("a", "a.last")
    root.write("a", b"good")
    for content in (b"bad", b"worse"):
        root.keep("a", "a.last")
        root.write("a", content)
    assert [root.put_back("a.last", "a"), root.put_back("a.last", "a")] == [True, False]
    assert root.read("a") == b"good"


@pytest.mark.parametrize("many", [2, 60])
def test_many_files_are_put_in_place_and_read_back(tmp_path: Path, many: int) -> None:
    root = FixedRoot(tmp_path)
    root.write("a0", b"old")
    contents = {f"a{number}": str(number).encode() for number in range(many)}
    root.write_all(contents)
    assert dict(root.read_all([*contents, "none"])) == {**contents, "none": b""}
    assert (root.read("a1"), root.read("none")) == (b"1", b"")
    assert len(list(tmp_path.iterdir())) == many
    with pytest.raises(BadName):
        root.write_all({"../x": b""})
