"""Shell: what an act must not do unseen: take back a colleague's change, or speak unsigned to nodes that trust keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from config_center.acts import Step
from config_center.errors import GitError, Refused
from config_center.git import Worktree, knows, left_out, read_worktree
from config_center.keys import SecretKey
from config_center.trail import last_commit, last_signed

if TYPE_CHECKING:
    from config_center.database import Database


@dataclass(frozen=True, slots=True)
class Cleanliness:
    """Where a directory's content comes from. commit: "" for none; why_unclean: sentences, none where it is clean."""

    commit: str
    why_unclean: tuple[str, ...]


def cleanliness(directory: Path, database: Database) -> Cleanliness:
    """Look whether publishing this directory could take something back unseen; where git cannot tell, it could."""
    try:
        return _looked_at(directory, last_commit(database))
    except GitError as error:
        return Cleanliness("", (str(error),))


def _looked_at(directory: Path, before: str) -> Cleanliness:
    """before: the commit published last, "" for none."""
    tree = read_worktree(directory)
    if tree is None:
        lost = (
            f"what is published came from commit {before[:12]}, and {directory} is in no git work tree, or git is not "
            "installed here"
        )
        return Cleanliness("", (lost,) if before else ())
    reasons = []
    if tree.dirty:
        reasons.append(f"not committed: {', '.join(tree.dirty)}")
    if before and before != tree.commit:
        reasons += _not_after(tree, before)
    return Cleanliness(tree.commit, tuple(reasons))


def _not_after(tree: Worktree, before: str) -> list[str]:
    """Why the commit checked out does not come after the one published."""
    if not knows(tree.directory, before):
        unknown = f"what is published came from commit {before[:12]}, which is not in this repository"
        return [f"{unknown}: git fetch first (in a shallow clone: git fetch --unshallow)"]
    if not tree.commit:
        return [f"what is published came from commit {before[:12]}, and nothing is committed here yet"]
    gone = left_out(tree.directory, before, tree.commit)
    if not gone:
        return []
    return [
        f"commit {tree.commit[:12]} does not come after {before[:12]}, which was published last; it would take back: "
        + "; ".join(gone)
    ]


def refuse_unclean(found: Cleanliness, *, is_first: bool, allowed: bool) -> str:
    """Refuse an unclean change of what is published, unless it is allowed. Returns a warning, "" for none."""
    if not found.why_unclean:
        return ""
    said = "; ".join(found.why_unclean)
    if is_first or allowed:
        return f"unclean, and recorded so: {said}"
    raise Refused(
        f"unclean: {said}. Commit, pull or rebase first; --unclean publishes it all the same and records that"
    )


def refuse_unsigned(database: Database, step: Step, keys: Sequence[SecretKey], *, allowed: bool) -> str:
    """Refuse an unsigned statement after a signed one, unless it is allowed. Returns a warning, "" for none.

    Nodes that trust a key keep what they have when an unsigned statement comes: the act would seem done, and nothing
    would happen. And whoever can write to the store, but has no key, must not look like everyday business.
    """
    if keys and allowed:
        raise Refused("--unsigned and --key say opposite things: leave one of them out")
    before = last_signed(database)
    if not before:
        return ""
    names = ", ".join(before)
    if not keys:
        if allowed:
            return f"unsigned, after statements signed by {names}: nodes that trust a key will not take it"
        raise Refused(
            f"not signed, but what was published before was, by {names}: nodes that trust a key would refuse it and "
            "keep what they have. Give --key FILE; --unsigned says that no node trusts a key any more"
        )
    counting = {key for key in before if key not in step.pointer.revoked}
    if counting and not counting & {key.id for key in keys}:
        return f"signed by none of the keys of before ({names}): nodes that do not trust the new one will not take it"
    return ""
