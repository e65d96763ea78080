"""GPUs and other accelerators: how many, driver, firmware, memory; from /sys below the root, and nvidia-smi."""

from __future__ import annotations

import re

from checklib import devices, pci
from checklib.errors import CannotTell, NotApplicable
from checklib.kernelfs import MIB
from checklib.kinds import MAY_SPAWN, Kind, Property
from checklib.values import Observed, Version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.contract import Item
    from checklib.devices import Look
    from checklib.node import Node
    from checklib.values import Observation

DRM = "/sys/class/drm"
MODULES = "/sys/module"
ALL = "all"
CLASSES = ("03", "1200")  # display controllers, processing accelerators
VENDORS = {"nvidia": "10de", "amd": "1002", "intel": "8086", "aspeed": "1a03", "matrox": "102b", "habana": "1da3"}
ECC = "ecc.errors.uncorrected.volatile.total"
FIELDS = ("pci.bus_id", "name", "vbios_version", "memory.total", "driver_version", ECC)
_CARD = re.compile(r"card\d+")
_TIMEOUT_S = 20.0


def parse_smi(text: str) -> dict[str, dict[str, str]]:
    """What nvidia-smi says of FIELDS, as CSV -> PCI address -> field -> text; what is N/A is left out.

    Raises CannotTell where a line has other fields.
    """
    found = {}
    for line in filter(str.strip, text.splitlines()):
        parts = [part.strip() for part in line.split(",")]
        domain, colon, rest = parts[0].partition(":")
        if len(parts) != len(FIELDS) or not colon:
            raise CannotTell(f"nvidia-smi says {line[:80]!r}")
        told = {name: part for name, part in zip(FIELDS, parts) if part.strip("[]") not in {"N/A", "Not Supported", ""}}
        found[f"{domain[-4:]}:{rest}".lower()] = told
    return found


def _gpus(node: Node) -> dict[str, str]:
    """PCI address, or the name of a card of which the bus does not tell -> its directory."""
    found = {}
    for name in node.root.names(pci.SYS):
        if pci.told(node, f"{pci.SYS}/{name}", "class").startswith(CLASSES):
            found[name] = f"{pci.SYS}/{name}"
    for card in node.root.names(DRM):
        device = f"{DRM}/{card}/device"
        if _CARD.fullmatch(card) and node.root.exists(device):
            uevent = (devices.read(node, f"{device}/uevent") or "").splitlines()
            slot = next((line.partition("=")[2] for line in uevent if line.startswith("PCI_SLOT_NAME=")), card)
            address = devices.link(node, device) or slot
            if address not in found and not node.root.exists(f"{pci.SYS}/{address}"):
                found[card] = device
    return found


def _maker(node: Node, device: str) -> str | None:
    """The vendor's number; None of a card that is on no bus of PCI's, as of a system on a chip."""
    return (pci.told if device.startswith(pci.SYS) else pci.identity)(node, device, "vendor")


def _smi(item: Item, node: Node, address: str) -> dict[str, str]:
    query = f"--query-gpu={','.join(FIELDS)}"
    ended = node.tool("nvidia-smi", query, "--format=csv,noheader,nounits", timeout_s=item.timeout_s)
    if ended.code:
        raise CannotTell(f"nvidia-smi ended with {ended.code}: {(ended.stdout + ended.stderr).strip()[:120]}")
    return parse_smi(ended.stdout).get(address, {})


def _looks(item: Item, node: Node, found: dict[str, str]) -> dict[str, Look]:
    def below(look: Look) -> Look:
        return lambda name: look(found[name].lstrip("/"))

    def file(name: str, wanted: str) -> str | None:
        return devices.read(node, f"{found[name]}/{wanted}")

    def told(own: str, field: str) -> Look:
        """A file of AMD's driver, else what NVIDIA's tool says; na of other makers."""

        def look(name: str) -> Observation:
            text = file(name, own)
            if text is None and (pci.identity(node, found[name], "vendor") == VENDORS["nvidia"]):
                text = _smi(item, node, name).get(field)
            return devices.needed(text, f"the driver of {name} does not tell it")

        return look

    def memory(name: str) -> Observation:
        size = devices.number(node, f"{found[name]}/mem_info_vram_total")
        if size is not None:
            return size // MIB
        value = told("mem_info_vram_total", "memory.total")(name)
        return devices.parse_whole(value) if isinstance(value, str) else value

    def errors(name: str) -> Observation:
        value = told("ras/umc_err_count_ue", ECC)(name)
        return devices.parse_whole(value) if isinstance(value, str) else value

    def version(name: str) -> Observation:
        driver = devices.driver(node, found[name])
        text = devices.read(node, f"{MODULES}/{driver}/version") if driver else None
        return Version(text, "plain") if text else NotApplicable(f"the driver of {name} has no version of its own")

    return {
        **{name: below(look) for name, look in pci.looks(node, "").items()},
        "model": told("product_name", "name"),
        "firmware": told("vbios_version", "vbios_version"),
        "driver_version": version,
        "memory_mib": memory,
        "ecc_errors": errors,
    }


def observe(item: Item, node: Node) -> Observed:
    """How many there are of what the key says, and what each has."""
    if not node.root.names(pci.SYS) and not node.root.names(DRM):  # empty ones hide what there is
        raise NotApplicable(f"there is neither {pci.SYS} nor {DRM}{node.root.whereabouts()}")
    found = node.once("GPUs", lambda: _gpus(node))
    if item.key == ALL:
        names = list(found)
    elif item.key in VENDORS:
        names = [name for name in found if _maker(node, found[name]) == VENDORS[item.key]]
    elif ":" in item.key or item.key == "*" or _CARD.fullmatch(item.key):
        names = devices.meant(item, found, "GPU")
    else:
        raise CannotTell(
            f"{item.key[:80]!r} is neither {ALL}, nor a maker ({', '.join(VENDORS)}), nor an address as 0000:3b:00.0"
        )
    seen = devices.tell(item, names, _looks(item, node, found))
    return Observed({**seen.values, "count": len(names)}, exists=bool(names), shown=seen.shown, note=seen.note)


def discover(node: Node) -> list[str]:
    """All, and each by its address."""
    try:
        found = _gpus(node)
    except CannotTell:
        return []
    return [ALL, *found] if found else []


KIND = Kind(
    "gpu",
    title="GPUs and other accelerators",
    chapter="hardware",
    key=(
        f"all, a maker ({', '.join(VENDORS)}), or a PCI address or pattern of it as 0000:3b:*; each of them must be as "
        "expected"
    ),
    main="count",
    properties={
        "count": Property("number", "how many there are"),
        "model": Property("text", "what it is called, as AMD's driver or nvidia-smi tell it"),
        "vendor": Property("word", "who made the chip, four hexadecimal digits"),
        "device": Property("word", "which chip it is, four hexadecimal digits"),
        "subsystem_vendor": Property("word", "who made the card, four hexadecimal digits"),
        "subsystem_device": Property("word", "which card it is, four hexadecimal digits"),
        "class": Property("word", "030000 VGA, 030200 3D without a display, 120000 accelerator"),
        "revision": Property("word", "its revision, two hexadecimal digits"),
        "driver": Property("word", "the driver that is bound to it; absent where none is"),
        "driver_version": Property("version", "of a driver that does not come with the kernel, as NVIDIA's"),
        "firmware": Property("text", "the version of its video BIOS, as AMD's driver or nvidia-smi tell it"),
        "memory_mib": Property("number", "its own memory, as AMD's driver or nvidia-smi tell it", unit="MiB"),
        "ecc_errors": Property("number", "how many errors of its memory could not be mended since boot"),
        "numa_node": Property("number", "the number of the NUMA node it is nearest to; -1 where nobody says"),
        "link_speed": Property("number", "of its PCI Express link; lower while it is idle", unit="GT/s"),
        "link_speed_max": Property("number", "what it could do", unit="GT/s"),
        "link_width": Property("number", "how many lanes its link uses"),
        "link_width_max": Property("number", "how many it could use"),
        "errors_correctable": Property("number", "how many errors the link mended since boot"),
        "errors_nonfatal": Property("number", "how many requests were lost since boot"),
        "errors_fatal": Property("number", "how many errors made the link unreliable since boot"),
    },
    example={
        "nvidia": {
            "equals": 8,
            "expect": {"driver_version": {"at_least": "535.104"}, "link_width": 16, "ecc_errors": 0},
        },
        "all": {"expect": {"driver": {"one_of": ["nvidia", "ast"]}}},
    },
    outcomes=(
        "No such GPU is absent, count 0; na where there is neither PCI nor DRM to be seen, and where a pattern of "
        "addresses stands for none, unless `any` asks for one. The small graphics chip of a BMC (aspeed, matrox) is "
        "one too. What only nvidia-smi tells is na without it and below another root; what a driver does not tell is "
        "na. Any root with a /sys can be looked at."
    ),
    reads=[pci.SYS, DRM, MODULES, "nvidia-smi"],
    cost="one small read for each PCI device, and for each property; nvidia-smi, a second or more, once for all items",
    effort=MAY_SPAWN,
    timeout_s=_TIMEOUT_S,
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
