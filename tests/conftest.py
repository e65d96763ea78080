"""What holds for the whole suite, whoever starts it and how."""

from __future__ import annotations

import signal

# A shell that puts the suite into the background has it ignore interrupts, and so would everything that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
