"""Who is meant: node sets, globs, tags, groups, unions, exclusions, and typing mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from inspector_coord.errors import ConfigError, TargetError
from inspector_coord.groups import Groups, read_groups
from inspector_coord.targets import Selection, select


class Some(NamedTuple):
    """A member, as far as targets look at it."""

    name: str
    tags: Mapping[str, str]


RACKS = ("a1", "a2", "b1", "b10")
FLEET = [Some(f"n{number:03}", {"zone": RACKS[number % 4][0], "rack": RACKS[number % 4]}) for number in range(1, 21)]
GROUPS = Groups({"web": "n[001-004]", "front": "@web,n010", "loop": "@loop"})


def names(*targets: str, exclude: tuple[str, ...] = ()) -> list[str]:
    """The names that targets select."""
    return [FLEET[index].name for index in picked(*targets, exclude=exclude).chosen]


def picked(*targets: str, exclude: tuple[str, ...] = ()) -> Selection:
    return select(FLEET, targets, exclude, GROUPS)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("n007", ["n007"]),
        ("n[001-003,007]", ["n001", "n002", "n003", "n007"]),
        ("n001,n[003-004]", ["n001", "n003", "n004"]),
        ("n00[1-2]", ["n001", "n002"]),
        ("n*9", ["n009", "n019"]),
        ("n0?0", ["n010", "n020"]),
        ("n[001-010]*,n020", [*[f"n{number:03}" for number in range(1, 11)], "n020"]),
        ("rack=b1", ["n002", "n006", "n010", "n014", "n018"]),
        ("rack=b1,n001", ["n001", "n002", "n006", "n010", "n014", "n018"]),
        ("@web", ["n001", "n002", "n003", "n004"]),
        ("@front", ["n001", "n002", "n003", "n004", "n010"]),
        ("@front!n003", ["n001", "n002", "n004", "n010"]),
        ("@web&n[003-009]", ["n003", "n004"]),
    ],
)
def test_one_target(target: str, expected: list[str]) -> None:
    """Each way to name nodes; rack=b1 is not b10."""
    assert names(target) == expected


def test_several_targets_are_a_union_and_exclusions_are_taken_away() -> None:
    """Order does not matter, nobody is twice."""
    assert names("rack=a1", "n001", "n001", exclude=("n00*",)) == ["n012", "n016", "n020"]
    assert names("rack=a1", exclude=("n[001-011],@web", "n016")) == ["n012", "n020"]
    assert len(names()) == 20


def test_whether_everybody_is_meant_is_known() -> None:
    """Then the question needs no filter; and a plain tag can be left to Serf's."""
    assert picked().everybody
    assert picked("n*").everybody
    assert not picked("n001").everybody
    assert picked("rack=b1").tag == ("rack", "b1")
    assert [picked(*targets).tag for targets in (("rack=b*",), ("rack=b1", "n001"), ("n001",), ())] == [None] * 4
    assert picked("rack=b1", exclude=("n002",)).tag is None


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("n999", "target 'n999' matches nobody of 20 members; `inspector nodes` lists them"),
        ("x*", "matches nobody"),
        ("rack=z9", "matches nobody of 20 members; values of rack are a1, a2, b1, b10"),
        ("rak=b1", "nobody has a tag 'rak'; tags are rack, zone"),
        ("@nix", "matches nobody of 20 members; groups are @front, @loop, @web"),
        ("@loop", "cannot be read"),
        ("@other:web", "cannot be read"),
        ("n[001", "cannot be read"),
        ("n[003-001]", "cannot be read"),
        ("=b1", "write tag=value"),
        ("rack=", "write tag=value"),
        ("", "an empty target"),
        ("n[1-99999999]", "stands for more than 1000000 nodes"),
        ("n[1-9999][1-9999]", "stands for more than 1000000 nodes"),
        ("n[001-010", "cannot be read"),
        ("rack=[a]", "cannot be read"),
    ],
)
def test_a_target_that_matches_nobody_is_an_error(target: str, said: str) -> None:
    """A sweep of less than was meant would look like a success; so it says what there is instead."""
    with pytest.raises(TargetError) as caught:
        picked("n001", target)
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


def test_excluding_everybody_is_an_error() -> None:
    """Nothing would be swept, and nothing swept is not everything passed."""
    with pytest.raises(TargetError, match="leaves nobody of 20 members"):
        picked("@web", exclude=("n*",))


@pytest.mark.parametrize(("targets", "exclude"), [(["n001,\udcff"], []), ([], ["\udcff"])])
def test_a_target_that_is_not_utf8_is_an_error(targets: list[str], exclude: list[str]) -> None:
    with pytest.raises(TargetError, match="is not UTF-8"):
        select(FLEET, targets, exclude, GROUPS)


def test_named_nodes_that_are_no_members_are_told() -> None:
    """A node set names each node: one that is missing is not covered."""
    assert picked("n[019-022]").absent == ("n021", "n022")
    assert picked("n[019-022]", exclude=("n022",)).absent == ("n021",)
    assert picked("n01*").absent == ()


def test_a_hostile_member_name_is_only_a_name() -> None:
    """A member chooses its name: it is never read as a node set."""
    fleet = [Some("n[1-9999999999]", {}), Some("@web", {}), Some("n001", {})]
    assert select(fleet, ["n001"], [], GROUPS).chosen == (2,)
    assert select(fleet, ["n*"], [], GROUPS).chosen == (0, 2)


def test_group_files_of_clustershell_are_read(tmp_path: Path) -> None:
    """autodir of groups.conf, its default source, other sources by name; coordinator.yml goes first."""
    (tmp_path / "groups.d").mkdir()
    (tmp_path / "groups.d" / "site.yaml").write_text("roles: {db: 'n[005-006]', web: n020}\nracks: {r1: n007}\n")
    conf = tmp_path / "groups.conf"
    conf.write_text("[Main]\ndefault: roles\nautodir: $CFGDIR/groups.d\n[cmdb]\nmap: ask-the-cmdb $GROUP\n")
    groups = read_groups({"web": "n001"}, [conf])
    assert groups.expand("@db") == {"n005", "n006"}
    assert groups.expand("@racks:r1") == {"n007"}
    assert groups.expand("@web") == {"n001"}
    assert groups.expand("@roles:web") == {"n020"}
    assert groups.names() == ("db", "web")
    with pytest.raises(TargetError, match=r"not read, as they are shell commands in groups\.conf: cmdb"):
        groups.expand("@cmdb:r1")


def test_a_group_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Its place stands in the error."""
    (tmp_path / "groups.d").mkdir()
    (tmp_path / "groups.d" / "site.yaml").write_text("roles: [")
    conf = tmp_path / "groups.conf"
    conf.write_text(f"[Main]\nautodir: {tmp_path}/groups.d\n")
    with pytest.raises(ConfigError, match=r"groups\.d/site\.yaml"):
        read_groups({}, [conf])


def test_without_group_files_there_are_those_of_the_configuration(tmp_path: Path) -> None:
    """ClusterShell need not be set up."""
    assert read_groups({"web": "n001"}, [tmp_path / "none.conf"]).expand("@web") == {"n001"}
