"""What can go wrong in a lab, as one tree. Each message says what, where, and what to do.

LabError
├── ToolMissingError   a program the lab starts is not installed
├── SetupError         an installer could not bring what the project needs
├── PlanError          the wished fleet cannot be: too many nodes, unknown profile, bad share of drift
├── DirError           the directory holds a running lab, or something that is no lab
├── NotRunningError    the command needs a running lab, and none is there
├── UpError            the fleet did not come up; everything it had started is gone again
├── BreakError         the wished fault names no node or no item, or makes no sense: bad usage, as PlanError is
├── StateError         lab.json, or what the keeper answers, cannot be read
└── BrowserError       the browser without a screen ended, refused a command, or said nothing in time
"""


class LabError(Exception):
    """Anything a lab refuses or fails at."""


class ToolMissingError(LabError):
    """A program the lab starts is not installed."""


class SetupError(LabError):
    """An installer could not bring what the project needs."""


class PlanError(LabError):
    """The wished fleet cannot be."""


class DirError(LabError):
    """The directory holds a running lab, or something that is no lab."""


class NotRunningError(LabError):
    """The command needs a running lab."""


class UpError(LabError):
    """The fleet did not come up. Nothing of it is left running."""


class BreakError(LabError):
    """The wished fault cannot be made."""


class StateError(LabError):
    """lab.json, or what the keeper answers, cannot be read."""


class BrowserError(LabError):
    """The browser without a screen did not do what it was asked for."""
