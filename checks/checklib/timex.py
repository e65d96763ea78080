"""The kernel's own clock, as timex(7) tells of it."""

from __future__ import annotations

# struct timex: status is the sixth field, all before it are a number and four longs.
_TIMEX_BYTES = 512  # the structure has 208 on 64 bits, and none of any machine has more than this
UNSYNCHRONISED = 0x0040  # STA_UNSYNC


def kernel_status() -> int:
    """The status bits of the kernel's clock, adjtimex(2), which changes nothing here. Raises OSError."""
    import ctypes
    import os

    libc = ctypes.CDLL(None, use_errno=True)
    fields = ctypes.create_string_buffer(_TIMEX_BYTES)
    if libc.adjtimex(fields) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "adjtimex(2)")
    longs = ctypes.sizeof(ctypes.c_long)
    return ctypes.c_int.from_buffer(fields, 5 * longs).value  # modes, padded to a long, and four longs before it
