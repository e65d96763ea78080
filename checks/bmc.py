"""The management controller (BMC): firmware, IPMI version, network, event log; from /sys, else ipmitool."""

from __future__ import annotations

from checklib import devices, limits
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import MAY_SPAWN, Kind, Property
from checklib.values import Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.contract import Item
    from checklib.node import Node
    from checklib.values import Observation

PLATFORM = "/sys/bus/platform/devices"
DEVICES = ("/dev/ipmi0", "/dev/ipmi/0", "/dev/ipmidev/0")
NO_TOOL = "the kernel does not tell it, and there is no ipmitool here"
_TIMEOUT_S = 20.0
KERNEL = {  # key -> file of the kernel, field of `ipmitool mc info`
    "firmware": ("firmware_revision", "Firmware Revision"),
    "ipmi": ("ipmi_version", "IPMI Version"),
    "manufacturer": ("manufacturer_id", "Manufacturer ID"),
    "product": ("product_id", "Product ID"),
}
LAN = {
    "address": "IP Address",
    "address_source": "IP Address Source",
    "gateway": "Default Gateway IP",
    "vlan": "802.1q VLAN ID",
}
KEYS = ("present", *KERNEL, *LAN, "log_entries", "log_percent")


def parse_fields(text: str) -> dict[str, str]:
    """`Name   : value` of ipmitool's answers, one a line -> name -> value, each name once; others are left out."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and name.strip():
            found.setdefault(name.strip(), value.strip())
    return found


def parse_number(text: str) -> int:
    """`674 (0x02A2)`, `0x0002a2` or `4%` -> its number. Raises CannotTell where there is none."""
    words = text.replace("%", " ").split()
    return devices.parse_whole(words[0]) if words else devices.parse_whole("")


def _directory(node: Node) -> str | None:
    names = [name for name in node.root.names(PLATFORM) if name.startswith("ipmi_bmc")]
    return f"{PLATFORM}/{names[0]}" if names else None


def _hold_there(node: Node) -> str | None:
    """The kernel's directory of the controller, where it has one. Raises NotApplicable where there is no controller."""
    directory = _directory(node)
    if directory is None and not any(node.root.exists(device) for device in DEVICES):
        raise NotApplicable(f"there is no BMC that the kernel knows of{node.root.whereabouts()}: no /dev/ipmi0")
    return directory


def _asked(item: Item, node: Node, *words: str) -> dict[str, str]:
    ended = node.tool("ipmitool", *words, timeout_s=item.timeout_s, na=NO_TOOL)
    if ended.code:
        said = " ".join((ended.stderr or ended.stdout).split())[: limits.observed_chars_max // 2]
        raise CannotTell(f"ipmitool {' '.join(words)} ended with {ended.code}: {said}")
    return parse_fields(ended.stdout)


def _of_kernel(item: Item, node: Node, directory: str | None) -> Observation:
    file, field = KERNEL[item.key]
    text = devices.read(node, f"{directory}/{file}") if directory else None
    text = text or _asked(item, node, "mc", "info").get(field)
    if not text:
        return NotApplicable(f"the BMC tells no {field}")
    if item.key in {"manufacturer", "product"}:
        return parse_number(text)
    return devices.version(text.split()[0])


def _log(item: Item, node: Node) -> Observation:
    fields = _asked(item, node, "sel", "info")
    text = fields.get("Entries" if item.key == "log_entries" else "Percent Used")
    return NotApplicable("the BMC does not tell how full its log is") if text is None else _whole_or_na(text)


def _whole_or_na(text: str) -> Observation:
    return NotApplicable(f"the BMC says {text[:40]!r}") if text.startswith("unknown") else parse_number(text)


def _lan(item: Item, node: Node) -> Observation:
    text = _asked(item, node, "lan", "print").get(LAN[item.key])
    if text is None:
        return NotApplicable(f"the BMC tells no {LAN[item.key]}")
    return None if text in {"", "Disabled", "0.0.0.0"} else text  # noqa: S104 - what stands for no address


def observe(item: Item, node: Node) -> Observed:
    """What one key has."""
    if item.key not in KEYS:
        raise CannotTell(f"bmc has no {item.key[:80]!r}: known are {', '.join(KEYS)}")
    directory = _hold_there(node)
    if item.key == "present":
        return Observed({"value": "yes"})
    value = (
        _of_kernel(item, node, directory)
        if item.key in KERNEL
        else _lan(item, node)
        if item.key in LAN
        else _log(item, node)
    )
    return Observed({"value": value}, exists=value is not None)


def discover(node: Node) -> list[str]:
    """What the kernel itself tells."""
    directory = _directory(node)
    if directory is None:
        return []
    return ["present", *(key for key, (file, _) in KERNEL.items() if devices.read(node, f"{directory}/{file}"))]


KIND = Kind(
    "bmc",
    title="the management controller (BMC): firmware, network, event log",
    chapter="hardware",
    key=(
        "present, firmware, ipmi (the version it speaks), manufacturer and product (their numbers), address, "
        "address_source, gateway, vlan, log_entries, log_percent"
    ),
    keys=KEYS,
    main="value",
    properties={
        "value": Property(
            "text", "as the controller tells it; versions have an order, in which 2.04 and 02.04.00 are the same"
        )
    },
    example={
        "firmware": {"at_least": "6.10"},
        "address_source": {"equals": "Static Address"},
        "log_percent": {"at_most": 80},
    },
    outcomes=(
        "na where the kernel knows of no controller (ipmi_si and ipmi_devintf have to be loaded), and where only "
        "ipmitool could tell and is not there; the network and the log only it can tell, of this machine alone. What "
        "the controller has not got, as a gateway, is absent. An error where it does not answer ipmitool. IPMI tells "
        "only the first two parts of a firmware's version: of 02.04.10 expect 2.04. What the kernel tells can "
        "be looked at below any root with a /sys."
    ),
    reads=[f"{PLATFORM}/ipmi_bmc*", *DEVICES, "ipmitool mc info, lan print, sel info"],
    cost="one small read; ipmitool asks the controller, which may take seconds, once for all items",
    effort=MAY_SPAWN,
    timeout_s=_TIMEOUT_S,
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
