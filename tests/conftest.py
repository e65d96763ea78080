"""What holds for the whole suite, whoever starts it and how."""

from __future__ import annotations

import signal

from hypothesis import settings

# Hypothesis's own: no deadline for one example, which a busy machine would break; and the same examples each time, so
# that a failure is the change's. To look for others: make test PYTEST_ARGS=--hypothesis-profile=default
settings.load_profile("ci")

# A shell that puts the suite into the background has it ignore interrupts, and so would everything that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
