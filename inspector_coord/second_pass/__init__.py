"""The second pass: Ansible's look at the nodes a sweep could not clear.

    outcomes = await second_pass.run(subjects, second_pass.Settings(inventory=...), progress=print)

Cores: choose (who is looked at), inventory (what Ansible may be told), sight and results (what came back, read with
suspicion), judge (what it means). Shells: outing, ansible, child, and ansible_child in a process of its own.
"""

from inspector_coord.second_pass.model import ItemOutcome, Look, Outcome, Process, Subject
from inspector_coord.second_pass.outing import run
from inspector_coord.second_pass.settings import Settings

__all__ = ["ItemOutcome", "Look", "Outcome", "Process", "Settings", "Subject", "run"]
