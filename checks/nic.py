"""Network cards: driver, firmware, speed, rings; from /sys/class/net below the root, and asked of the driver."""

from __future__ import annotations

from checklib import devices, pci
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Property

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.contract import Item
    from checklib.devices import Look
    from checklib.ethtool import Card
    from checklib.node import Node
    from checklib.values import Observation, Observed

SYS = "/sys/class/net"
MODULES = "/sys/module"
FROM_DRIVER = ("bus", "channels", "rx_ring", "rx_ring_max", "tx_ring", "tx_ring_max")
FROM_CARD = ("vendor", "device", "subsystem_vendor", "subsystem_device", "numa_node", "link_speed", "link_width")


def cards(node: Node) -> list[str]:
    """The interfaces that a device stands behind, in order. Raises NotApplicable where there are no interfaces."""
    names = node.root.names(SYS)
    if not names:
        raise NotApplicable(f"there is no {SYS}{node.root.whereabouts()}")
    return [name for name in names if node.root.exists(f"{SYS}/{name}/device")]


def _version(text: str | None, reason: str) -> Observation:
    """With an order where it has no white space: some write `8.30 0x8000a49d 1.2926.0`."""
    return NotApplicable(reason) if text is None else devices.version(text)


def _card(node: Node, name: str) -> Card:
    if not node.root.is_host:
        raise NotApplicable(f"a driver tells of this machine's cards, not of those of {node.root.path}")
    from checklib import ethtool

    return node.once(f"ethtool {name}", lambda: ethtool.ask(name))


def _speed(node: Node, name: str) -> Observation:
    speed = devices.number(node, f"{SYS}/{name}/speed")
    return None if speed in devices.UNKNOWN_SPEEDS else speed


def _firmware(node: Node, name: str) -> Observation:
    return _version(_card(node, name).firmware, f"the driver of {name} tells no firmware")


def _driver_version(node: Node, name: str) -> Observation:
    """A module that comes with the kernel has none of its own, and the driver then gives the kernel's."""
    driver = devices.driver(node, f"{SYS}/{name}/device") or ""
    module = devices.link(node, f"{SYS}/{name}/device/driver/module") or driver.replace("-", "_")
    own = devices.read(node, f"{MODULES}/{module}/version") if module else None
    return _version(own or _card(node, name).version, f"the driver of {name} tells no version")


def _looks(node: Node) -> dict[str, Look]:
    def told(property_: str) -> Look:
        return lambda name: getattr(_card(node, name), property_)

    beneath = {name: look for name, look in pci.looks(node, SYS).items() if name in FROM_CARD}

    def below(look: Look) -> Look:
        return lambda name: look(f"{name}/device")

    return {
        "driver": lambda name: devices.driver(node, f"{SYS}/{name}/device"),
        "version": lambda name: _driver_version(node, name),
        "firmware": lambda name: _firmware(node, name),
        "speed": lambda name: _speed(node, name),
        "duplex": lambda name: devices.read(node, f"{SYS}/{name}/duplex"),
        **{name: told(name) for name in FROM_DRIVER},
        **{name: below(look) for name, look in beneath.items()},
    }


def observe(item: Item, node: Node) -> Observed:
    """One card; of those that a pattern stands for, the one that decides, property by property."""
    if "/" in item.key:
        raise CannotTell(f"{item.key[:80]!r} is no name of an interface")
    return devices.tell(
        item, devices.meant(item, node.once("cards", lambda: cards(node)), "network card"), _looks(node)
    )


def discover(node: Node) -> list[str]:
    """The cards whose driver is known."""
    names = [name for name in node.root.names(SYS) if node.root.exists(f"{SYS}/{name}/device")]
    return [name for name in names if devices.driver(node, f"{SYS}/{name}/device")]


KIND = Kind(
    "nic",
    title="network cards: driver, firmware, speed, rings",
    chapter="hardware",
    key="an interface that a card stands behind, or a pattern such as ens*: then each of them must be as expected",
    main="driver",
    properties={
        "driver": Property("word", "the driver that is bound to the card"),
        "version": Property("text", "the driver's own version; the kernel's where it comes with it"),
        "firmware": Property("text", "the version of the card's firmware, as its driver tells it"),
        "speed": Property("number", "as negotiated; absent where the link is down or has none", unit="Mbit/s"),
        "duplex": Property("word", "full, half or unknown"),
        "bus": Property("word", "the address of the card, as 0000:3b:00.0"),
        "channels": Property("number", "how many queues it uses: combined, or the more of receiving and sending ones"),
        "rx_ring": Property("number", "how many packets there is room for on the way in"),
        "rx_ring_max": Property("number", "how many there could be room for"),
        "tx_ring": Property("number", "how many packets there is room for on the way out"),
        "tx_ring_max": Property("number", "how many there could be room for"),
        "vendor": Property("word", "who made the chip, four hexadecimal digits"),
        "device": Property("word", "which chip it is, four hexadecimal digits"),
        "subsystem_vendor": Property("word", "who made the card, four hexadecimal digits"),
        "subsystem_device": Property("word", "which card it is, four hexadecimal digits"),
        "numa_node": Property("number", "the number of the NUMA node it is nearest to; -1 where nobody says"),
        "link_speed": Property("number", "of its PCI Express link, as negotiated", unit="GT/s"),
        "link_width": Property("number", "how many lanes its PCI Express link uses"),
    },
    example={
        "ens*": {"equals": "mlx5_core", "expect": {"firmware": {"at_least": "16.35.2000"}, "speed": 25000}},
        "eth0": {"expect": {"rx_ring": {"at_least": 4096}, "link_width": 8}},
    },
    outcomes=(
        "A card that is not there is absent, and so is an interface without one, as lo or a bond; na where there is no "
        "/sys/class/net, and where a pattern stands for none, unless `any` asks for one. What a driver does not tell, "
        "as firmware where there is none, is na; a setting that it does not have is absent. Any root with a /sys can "
        "be looked at; what only a driver can tell (firmware, bus, channels, rings) is na there. A state and errors "
        "are the kind interface."
    ),
    reads=[SYS, MODULES, "ioctl(2) SIOCETHTOOL"],
    cost="one small read for each property of a card; three questions to its driver, some of which ask the card",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
