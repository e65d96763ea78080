"""From Ansible's results to what was seen of each node (core: no I/O)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from inspector_coord.plain import plain
from inspector_coord.second_pass.job import TaskResult
from inspector_coord.second_pass.judge import Sight
from inspector_coord.second_pass.model import Subject
from inspector_coord.second_pass.sight import read_look, read_recheck

__all__ = ["BatchLog", "reason"]

# What Ansible and ssh say before they say what happened.
_PREAMBLE = re.compile(
    r"^(Task failed: |Failed to connect to the host via ssh: "
    r"|Data could not be sent to remote host .*? Make sure this host can be reached over ssh: )+"
)
_TIMED_OUT = re.compile(r"[Tt]imed out after \d+ second|Timeout \(\d+s\)")


class BatchLog:
    """Collects the results of one batch as they come. Results for hosts that are not in it are counted as strangers."""

    def __init__(self, subjects: Sequence[Subject], not_asked: Mapping[str, Mapping[str, str]]) -> None:
        """`not_asked`: by node name, the items that were not sent and why."""
        self._subjects = {subject.name: subject for subject in subjects}
        self._not_asked = not_asked
        self._results: dict[str, dict[str, tuple[TaskResult, float]]] = {name: {} for name in self._subjects}
        self.strangers = 0

    def heard(self, result: TaskResult, seconds: float) -> None:
        """One result, `seconds` after the batch began."""
        if result.host in self._results:
            self._results[result.host].setdefault(result.task, (result, seconds))
        else:
            self.strangers += 1

    @property
    def finished(self) -> int:
        """How many nodes nothing more is expected of."""
        return sum(self._is_finished(name) for name in self._subjects)

    def sight(self, name: str) -> Sight | None:
        """All that is known of one node; None when Ansible had no result for it."""
        results = self._results[name]
        not_asked = self._not_asked.get(name, {})
        if not results:
            return None
        seconds = round(max(at for _, at in results.values()), 3)
        gone = next((each for each, _ in results.values() if each.status == "unreachable"), None)
        look = results["look"][0] if "look" in results else None
        seen = read_look(look.stdout) if look is not None and look.status == "ok" else None
        if gone is not None or (look is not None and seen is None and _timed_out(look)):
            return Sight(look=seen, unreachable=reason(gone or look), not_asked=not_asked, seconds=seconds)
        again = results["recheck"][0] if "recheck" in results else None
        asked = frozenset(item.id for item in self._subjects[name].items) - not_asked.keys()
        recheck = read_recheck(again.stdout, asked) if again is not None and again.status == "ok" else None
        empty = recheck is None or not (recheck.findings or recheck.notes)
        return Sight(
            look=seen,
            recheck=None if empty else recheck,
            trouble=_trouble(look, again) if empty else "",
            not_asked=not_asked,
            seconds=seconds,
        )

    def _is_finished(self, name: str) -> bool:
        results = self._results[name]
        asked = len(self._not_asked.get(name, {})) < len(self._subjects[name].items)
        failed = any(each.status != "ok" for each, _ in results.values())
        return failed or ("recheck" if asked else "look") in results


def reason(result: TaskResult | None) -> str:
    """Why a node could not be reached or asked, in one line without Ansible's preambles."""
    if result is None:
        return ""
    if _timed_out(result):
        return "ssh was let in or kept waiting, but no answer came in time"
    lines = [line.strip() for line in _PREAMBLE.sub("", result.message).splitlines()]
    lines = [line for line in lines if line and not line.startswith("Warning:")]
    return plain(lines[-1] if lines else result.stderr.strip() or "no reason given", 200)


def _timed_out(result: TaskResult) -> bool:
    return result.status != "ok" and _TIMED_OUT.search(result.message) is not None


def _trouble(look: TaskResult | None, again: TaskResult | None) -> str:
    """Why there is no second finding on a node that was reached."""
    if look is not None and look.status != "ok":
        return reason(look)
    if again is None:
        return "the time for the whole batch was over before its second check"
    if _timed_out(again):
        return "the second check did not come to an end in time"
    if again.status != "ok":
        return reason(again)
    if again.rc in (126, 127):
        return "no usable python3 on the node: set ansible_python_interpreter in the inventory"
    last = plain((again.stderr.strip().splitlines() or ["it printed nothing"])[-1], 200)
    return f"the second check ended with status {again.rc}: {last}"
