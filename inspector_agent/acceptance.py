"""CORE. Which pointer of a config center a node follows, and which of its releases a job is about (docs/trust.md).

With trusted keys a pointer must be signed by one of them, and its serial, which counts acts, never goes back: whatever
it then says is followed, an older release included. Without, nobody can tell who speaks: no number may go back either.
When an act was, and what any clock says, plays no part.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from config_center.errors import TrustError
from config_center.pointer import Pointer, payload_of
from inspector_agent.jobs import Job

PREFIX_DIGITS = 16  # of each digest that a question names: 8 bytes


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a node remembers of all pointers that it ever accepted.

    serial   the highest
    revoked  ids of all keys that any of them revoked, sorted
    """

    serial: int = 0
    revoked: tuple[str, ...] = ()

    def after(self, pointer: Pointer) -> Seen:
        """What is remembered once this pointer, which a trusted key signed, is accepted."""
        return Seen(max(self.serial, pointer.serial), tuple(sorted({*self.revoked, *pointer.revoked})))


def check_signed(offered: Pointer, held: Pointer | None, seen: Seen) -> None:
    """Whether a pointer with a good signature may be followed, or serve a question. Raises TrustError.

    held: the one that holds, if it is proven; None without one.
    """
    if offered.serial < seen.serial:
        raise TrustError(
            f"{_act(offered)} is older than act {seen.serial}, which this node has seen: "
            "it was played again, or the mirror lags; refused (was the center's store restored from a backup? "
            f"config-center publish --after {seen.serial} goes on)"
        )
    _check_alone(offered, held)


def check_unsigned(offered: Pointer, held: Pointer | None, name: str, traits: Mapping[str, str]) -> None:
    """Whether a pointer that proves nothing may be followed by this node. Raises TrustError.

    held: the one that holds; None without one.
    """
    if held is None:
        return
    before = {"everybody": held.releases()[0], "this node": held.assigned(name, traits)}
    after = {"everybody": offered.releases()[0], "this node": offered.assigned(name, traits)}
    for whom, (number, digest) in after.items():
        held_number, held_digest = before[whom]
        if number < held_number:
            raise TrustError(
                f"release {number} ({digest[:12]}) for {whom} is older than {held_number}, which holds: "
                "only a pointer signed by a trusted key may turn a node back"
            )
        if number == held_number and digest != held_digest:
            raise TrustError(
                f"release {number} ({digest[:12]}) is not {held_digest[:12]}, which holds under that number: "
                "refused; publish a higher one"
            )
    if offered.serial < held.serial:
        raise TrustError(f"{_act(offered)} is older than act {held.serial}, which holds: refused")
    _check_alone(offered, held)


def target(pointer: Pointer, job: Job) -> tuple[int, str]:
    """Number and digest of the release of this pointer that is wanted. Raises TrustError where it is not there.

    That is the one it assigns to this node, unless the job names another one, which has to be for everybody or its own.
    """
    assigned, named, wanted = pointer.assigned(job.name, job.traits), pointer.releases(), job.wanted
    if not wanted or names_both(pointer, wanted):
        return assigned
    if len(wanted) <= PREFIX_DIGITS:
        for number, digest in named:
            if digest.startswith(wanted):
                if (number, digest) not in (named[0], assigned):
                    raise TrustError(f"release {number} ({digest[:12]}) is tried by other nodes only: refused here")
                return number, digest
    offered = " and ".join(f"release {number} ({digest[:12]})" for number, digest in named)
    raise TrustError(f"it has {offered}, the question asks for {job.number} ({wanted[:12]})")


def names_both(pointer: Pointer, wanted: str) -> bool:
    """The pointer has exactly the two releases that a question with a canary names, each where it should be."""
    prefixes = tuple(digest[:PREFIX_DIGITS] for _, digest in pointer.releases())
    return len(wanted) == 2 * PREFIX_DIGITS and prefixes == (wanted[:PREFIX_DIGITS], wanted[PREFIX_DIGITS:])


def _check_alone(offered: Pointer, held: Pointer | None) -> None:
    """Under one serial there is one statement; only its signatures may be others."""
    if held is not None and offered.serial == held.serial and payload_of(offered) != payload_of(held):
        raise TrustError(
            f"{_act(offered)} is another one than the act {held.serial} that holds: "
            "two stores count for themselves; refused (is the one that is offered right? "
            f"config-center publish --after {held.serial} goes on)"
        )


def _act(pointer: Pointer) -> str:
    return f"act {pointer.serial} (release {pointer.number}, {pointer.digest[:12]})"
