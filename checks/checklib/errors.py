"""What can keep a check from a verdict.

CheckError
├── BadRequest      the request itself cannot be read: nothing is checked, exit code 2
├── NotApplicable   there is nothing here that the item could be about: outcome `na`, with this text as its reason
└── CannotTell      the item could not be evaluated: outcome `error`, never a fail and never a pass
    └── Overran     … within its time
"""

# ruff: noqa: N818  # the names say what a check tells, and not every one of these is an error

from __future__ import annotations


class CheckError(Exception):
    """Anything a check says instead of a value. Its text is for people."""


class BadRequest(CheckError):
    """The request is no JSON object of contract 1, or breaks a bound."""


class NotApplicable(CheckError):
    """The item has no meaning on this node."""


class CannotTell(CheckError):
    """The item has a meaning, but its value could not be found out or not be compared."""


class Overran(CannotTell):
    """The item took longer than its own timeout."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__(f"timeout after {timeout_s:g} s")
