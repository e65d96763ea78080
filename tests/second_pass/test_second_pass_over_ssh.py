"""The second pass against real ssh servers: what each kind of node comes to, and that no node holds up another."""

from __future__ import annotations

import getpass
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio

from inspector_coord import second_pass
from inspector_coord.second_pass import Outcome, Subject
from tests.support.processes import mentioning
from tests.support.second_pass import SWAPPINESS, expectation, subject
from tests.support.sshd import SshHost, ssh_hosts
from tests.support.waiting import PATIENCE_S

LISTED = (
    "confirmed", "recovered", "other-value", "stalled", "frozen", "dead", "mute", "flood", "no-python", "slow-python",
    "forged-key", "site-check", "first-twin", "second-twin",
)  # fmt: skip
UNLISTED = "unlisted"
HOST_TIMEOUT_S = 30
HANGING = {"frozen", "mute", "flood", "slow-python"}
RAID = expectation("raid:md0", {"status": {"equals": "ok"}})
UNKNOWN_SITE = expectation("firmware:nic", {"version": {"equals": "2"}})


@dataclass
class Night:
    """One second pass over all those hosts."""

    outcomes: Mapping[tuple[str, str], Outcome]
    seconds: float
    heard: list[str]
    before: set[Path]
    after: set[Path]
    left_over: list[str]

    def __getitem__(self, name: str) -> Outcome:
        return self.outcomes["main", name]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """The one long run that all tests here look at (as long as the slowest host's time)."""
    folder = tmp_path_factory.mktemp("hosts")
    forced = {name: [f"ForceCommand {folder}/{name}/forced"] for name in ("mute", "flood")}
    with ssh_hosts([*LISTED, UNLISTED], folder, options=forced) as hosts:
        for host in hosts.values():
            furnish(host)
        hosts["mute"].script("forced", "exec sleep 300")
        hosts["flood"].script("forced", "exec yes")
        hosts["no-python"].variables["ansible_python_interpreter"] = "/nonexistent/python3"
        slow = hosts["slow-python"].script("python3", "exec sleep 300")
        hosts["slow-python"].variables["ansible_python_interpreter"] = str(slow)
        hosts["dead"].kill()
        hosts["frozen"].freeze()
        hosts.forge_key("forged-key")
        inventory = hosts.write_inventory(folder / "inventory.json", LISTED)
        site = hosts["site-check"].folder / "raid"
        site.write_text(
            '#!/bin/sh\ncat > /dev/null\necho \'{"id": "raid:md0", "outcome": "fail", "observed": "degraded"}\'\n',
            encoding="utf-8",
        )
        work = folder / "work"
        work.mkdir()
        settings = second_pass.Settings(
            inventory=inventory,
            forks=len(HANGING) + 3,
            sample=1,
            host_timeout_s=HOST_TIMEOUT_S,
            site_checks={"raid": site},
            work_dir=work,
        )
        heard: list[str] = []
        before = traces(folder)
        began = time.monotonic()
        outcomes = trio.run(second_pass.run, subjects(hosts), settings, heard.append)
        yield Night(outcomes, time.monotonic() - began, heard, before, traces(folder), mentioning(str(work)))


def furnish(host: SshHost) -> None:
    """A root directory of the host's own with a wrong kernel parameter, and this test's Python."""
    root = host.folder / "root"
    (root / "proc/sys/vm").mkdir(parents=True)
    (root / "proc/sys/vm/swappiness").write_text(SEEN_NOW.get(host.name, "60") + "\n", encoding="ascii")
    host.variables["inspector_root"] = str(root)
    # These hosts share a machine: the command lines of theirs hold their folder's name.
    host.variables["inspector_process_match"] = f"{host.folder}/"
    host.variables["ansible_python_interpreter"] = sys.executable


SEEN_NOW = {"recovered": "5", "other-value": "80"}


def subjects(hosts: Mapping[str, SshHost]) -> list[Subject]:
    """Every host, and names that a ring member should not have been given."""
    listed = [subject(name, hosts[name].address) for name in LISTED if name not in ("stalled", "site-check")]
    twins = ((SWAPPINESS.id, "twins"),)
    listed = [subject(each.name, each.address, fingerprints=twins) if "twin" in each.name else each for each in listed]
    hostile = [subject(name, "127.0.0.1") for name in ("n[1:9999]", "-vvv", "localhost", "{{ lookup('env', 'HOME') }}")]
    return [
        *listed,
        subject("stalled", hosts["stalled"].address, state="stalled", items=()),
        subject("site-check", hosts["site-check"].address, items=(RAID, UNKNOWN_SITE), observed={RAID.id: "degraded"}),
        subject(UNLISTED, hosts[UNLISTED].address),
        *hostile,
    ]


def traces(folder: Path) -> set[Path]:
    """What a look could have left behind: files of the nodes, of the account, and of the run itself."""
    ours = {path for path in folder.rglob("*") if path.name != "log" and path.parent.name != "pids"}
    account = Path(f"~{getpass.getuser()}").expanduser() / ".ansible"
    return ours | ({account, *account.rglob("*")} if account.exists() else set())


def test_every_subject_has_an_outcome(night: Night) -> None:
    """Whatever becomes of a node, it is named."""
    assert {name for _, name in night.outcomes} >= {*LISTED, UNLISTED}


def test_what_the_sweep_saw_is_confirmed(night: Night) -> None:
    """Same outcome, same value, and the host's own word beside it."""
    told = night["confirmed"]
    assert (told.outcome, told.message) == ("confirmed", "sysctl:vm.swappiness: still 60")
    assert told.host is not None
    assert told.host.complete
    assert told.host.load is not None
    assert told.host.disk_used_percent is not None


def test_what_passes_now_has_recovered(night: Night) -> None:
    """The node has been put right between the two looks."""
    assert (night["recovered"].outcome, night["recovered"].message) == (
        "recovered",
        "sysctl:vm.swappiness: passes now: 5",
    )


def test_another_value_disagrees_and_both_are_said(night: Night) -> None:
    """Neither look is believed over the other."""
    assert night["other-value"].outcome == "disagrees"
    assert night["other-value"].message == "sysctl:vm.swappiness: 60 in the sweep, 80 now"


def test_a_stalled_node_is_explained_by_its_host(night: Night) -> None:
    """No item to look at again: the host is asked for the agent's process, without any Python."""
    assert (night["stalled"].outcome, night["stalled"].message) == ("confirmed", "inspector-agent is not running")


@pytest.mark.parametrize(
    ("name", "outcome", "words"),
    [
        ("dead", "unreachable", "Connection refused"),
        ("frozen", "unreachable", "timed out"),
        ("mute", "unreachable", "no answer came in time"),
        ("forged-key", "unreachable", "Host key verification failed"),
        ("no-python", "skipped", "no usable python3"),
        ("slow-python", "skipped", "did not come to an end in time"),
    ],
)
def test_a_node_that_cannot_be_looked_at_says_why(night: Night, name: str, outcome: str, words: str) -> None:
    """In ssh's words, or ours; never silently."""
    assert night[name].outcome == outcome
    assert words in night[name].message


def test_a_flood_of_output_ends_with_its_worker(night: Night) -> None:
    """A node that answers with an endless stream costs neither memory nor the others' outcomes."""
    assert night["flood"].outcome in ("skipped", "unreachable")


def test_a_slow_python_leaves_the_first_look(night: Night) -> None:
    """The look without Python stands on its own."""
    told = night["slow-python"]
    assert told.host is not None
    assert told.host.complete


def test_one_hosts_time_bounds_all(night: Night) -> None:
    """Hosts that hang do so beside each other, and nobody comes later than who uses up both looks."""
    ended = {name: night[name].seconds or 0.0 for name in LISTED}
    assert max(ended.values()) == ended["slow-python"]
    assert night.seconds < 3 * HOST_TIMEOUT_S


async def test_a_hanging_host_holds_up_nobody(tmp_path: Path) -> None:
    """A healthy host has both looks behind it while another one still hangs in its first, which may take minutes."""
    folder, work = tmp_path / "hosts", tmp_path / "work"
    work.mkdir()
    with ssh_hosts(["confirmed", "mute"], folder, options={"mute": [f"ForceCommand {folder}/mute/forced"]}) as hosts:
        for host in hosts.values():
            furnish(host)
        hosts["mute"].script("forced", "exec sleep 600")
        inventory = hosts.write_inventory(folder / "inventory.json")
        settings = second_pass.Settings(inventory=inventory, host_timeout_s=600, work_dir=work)
        looked_at = trio.Event()

        def hear(line: str) -> None:
            if line == "1 of 2 nodes looked at again":
                looked_at.set()

        with trio.fail_after(PATIENCE_S):
            async with trio.open_nursery() as nursery:
                both = [subject(name, host.address) for name, host in hosts.items()]
                nursery.start_soon(second_pass.run, both, settings, hear)
                await looked_at.wait()
                nursery.cancel_scope.cancel()


def test_a_site_check_runs_from_memory(night: Night) -> None:
    """A release's own executable is sent along; one that is not at hand is said to be missing."""
    raid, firmware = night["site-check"].items
    assert (raid.item, raid.outcome, raid.second_observed) == ("raid:md0", "confirmed", "degraded")
    assert (firmware.item, firmware.outcome) == ("firmware:nic", "skipped")
    assert "not at hand" in firmware.message


def test_a_node_outside_the_inventory_is_reached_by_its_roster_address(night: Night) -> None:
    """The inventory's variables for everybody hold for it too."""
    assert night[UNLISTED].outcome == "confirmed"


def test_of_nodes_wrong_in_the_same_way_a_sample_is_looked_at(night: Night) -> None:
    """The other one says who speaks for it."""
    assert night["first-twin"].outcome == "confirmed"
    assert night["second-twin"].outcome == "skipped"
    assert night["second-twin"].represented_by == ("first-twin",)


@pytest.mark.parametrize("name", ["n[1:9999]", "-vvv", "localhost", "{{ lookup('env', 'HOME') }}"])
def test_a_hostile_name_never_reaches_ansible(night: Night, name: str) -> None:
    """No range, no option, no template, and not the coordinator itself."""
    assert night[name].outcome == "skipped"
    assert "Ansible" in night[name].message


def test_nothing_is_written_and_nothing_runs_on(night: Night) -> None:
    """Not on the nodes, not in the account, not in the working directory; and no process is left."""
    assert night.after - night.before == set()
    assert night.left_over == []


def test_progress_counts_nodes(night: Night) -> None:
    """Someone waiting sees it move, up to the last node."""
    assert night.heard[0] == "reading the inventory"
    total = len(LISTED) - 1 + 1
    assert f"{total} of {total} nodes looked at again" in night.heard[-1]
