"""What the live tests hold ours against is there, and tells of this machine."""

from __future__ import annotations

import os

from inspector_lab import tools
from tests.support.others import ansible, facts, host, told


def test_the_others_are_here_and_tell_of_this_machine() -> None:
    """testinfra, Ansible and a tool agree with each other on what runs here."""
    release = os.uname().release
    assert told("uname", "-r").strip() == facts()["ansible_kernel"] == release
    assert host().user("root").uid == 0
    assert host().system_info.codename == facts()["ansible_distribution_release"]


def test_any_module_of_ansible_can_be_asked() -> None:
    """With arguments."""
    assert ansible("stat", "path=/etc/passwd")["stat"]["mode"] == "0644"


def test_every_program_the_checks_are_held_against_is_found() -> None:
    """Installed or unpacked."""
    assert tools.missing_packages() == []
