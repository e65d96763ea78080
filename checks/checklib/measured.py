"""What is measured, told so that nodes which are slow or full in the same way read the same. Pure."""

from __future__ import annotations

_STEPS = (1, 2, 5)


def about(number: float) -> str:
    """Between which steps of 1, 2, 5, 10, 20, 50 … a number lies: `20 to 50`, `-2 to -1`; `under 1` near nothing."""
    size = abs(number)
    if size < 1:
        return "under 1" if number >= 0 else "over -1"
    power = 1
    while 10 * power <= size:
        power *= 10
    bounds = [step * power for step in (*_STEPS, 10)]
    low, high = next((low, high) for low, high in zip(bounds, bounds[1:]) if low <= size < high)
    return f"{low} to {high}" if number > 0 else f"-{high} to -{low}"


def about_mib(mib: int) -> str:
    """The same of memory: `200 to 500 MiB`."""
    return f"{about(mib)} MiB"
