"""PCI devices as /sys tells of them; for the kinds pci and gpu."""

from __future__ import annotations

from checklib import devices
from checklib.errors import CannotTell, NotApplicable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.devices import Look
    from checklib.node import Node
    from checklib.values import Observation

SYS = "/sys/bus/pci/devices"
_SPEED_UNIT = "GT/s"


def parse_id(text: str) -> str:
    """`0x8086` of vendor, device and the like, or a class's `0x020000` -> its digits. Raises CannotTell for others."""
    bare = text.strip().lower()
    digits = bare[2:] if bare.startswith("0x") else bare
    if not digits or len(digits) > 8 or not set(digits) <= set("0123456789abcdef"):
        raise CannotTell(f"{text[:40]!r} is no number of a PCI device")
    return digits


def parse_speed(text: str) -> float | None:
    """`8.0 GT/s PCIe` -> 8.0; None of `Unknown`. Raises CannotTell where it is neither."""
    words = text.split()
    if words[:1] in (["Unknown"], ["unknown"]):
        return None
    try:
        if len(words) < 2 or words[1] != _SPEED_UNIT or not words[0].isascii():
            raise ValueError
        speed = float(words[0])
        if not 0 <= speed < 10_000:
            raise ValueError
    except ValueError:
        raise CannotTell(f"{text[:40]!r} is no speed of a link") from None
    return speed


def parse_errors(text: str) -> int:
    """aer_dev_fatal and its like, one kind of error a line -> how many together. Raises CannotTell for other text."""
    counts = {}
    for words in filter(None, map(str.split, text.splitlines())):
        if len(words) != 2:
            raise CannotTell(f"{' '.join(words)[:80]!r} counts no errors of a PCI device")
        counts[words[0]] = devices.parse_whole(words[1])
    total = next((count for name, count in counts.items() if name.startswith("TOTAL_ERR")), None)
    return sum(counts.values()) if total is None else total


def addresses(node: Node) -> list[str]:
    """All devices, in order. Raises NotApplicable where there are none to be seen."""
    names = node.root.names(SYS)
    if not names:
        raise NotApplicable(f"there are no PCI devices: no {SYS}{node.root.whereabouts()}")
    return names


def identity(node: Node, device: str, file: str) -> str | None:
    """vendor, device, class … of a device's directory, as bare digits."""
    text = devices.read(node, f"{device}/{file}")
    return None if text is None else parse_id(text)


def told(node: Node, device: str, file: str) -> str:
    """The same, by which devices are chosen. Raises CannotTell where it is not there: the device may be one of them."""
    found = identity(node, device, file)
    if found is None:
        raise CannotTell(f"{device} does not tell its {file}")
    return found


def looks(node: Node, directory: str = SYS) -> dict[str, Look]:
    """Property -> what the device of a name below the directory has; what both kinds tell."""

    def ids(file: str) -> Look:
        return lambda name: identity(node, f"{directory}/{name}", file)

    def number(file: str) -> Look:
        return lambda name: devices.number(node, f"{directory}/{name}/{file}")

    def speed(file: str) -> Look:
        def look(name: str) -> Observation:
            text = devices.read(node, f"{directory}/{name}/{file}")
            return None if text is None else parse_speed(text)

        return look

    def errors(file: str) -> Look:
        def look(name: str) -> Observation:
            text = devices.read(node, f"{directory}/{name}/{file}")
            return None if text is None else parse_errors(text)

        return look

    return {
        "vendor": ids("vendor"),
        "device": ids("device"),
        "subsystem_vendor": ids("subsystem_vendor"),
        "subsystem_device": ids("subsystem_device"),
        "class": ids("class"),
        "revision": ids("revision"),
        "driver": lambda name: devices.driver(node, f"{directory}/{name}"),
        "numa_node": number("numa_node"),
        "link_speed": speed("current_link_speed"),
        "link_speed_max": speed("max_link_speed"),
        "link_width": number("current_link_width"),
        "link_width_max": number("max_link_width"),
        "errors_correctable": errors("aer_dev_correctable"),
        "errors_nonfatal": errors("aer_dev_nonfatal"),
        "errors_fatal": errors("aer_dev_fatal"),
    }
