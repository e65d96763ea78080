"""/proc/cpuinfo, which every architecture writes in its own way. Pure."""

from __future__ import annotations

from checklib.errors import CannotTell
from checklib.kernelfs import parse_number

# Who makes an ARM processor, by its implementer, and what of theirs stands in servers, by its part: Arm's architecture
# reference manual (MIDR_EL1) and the kernel's arch/arm64/include/asm/cputype.h.
_MAKERS = {
    0x41: "ARM", 0x42: "Broadcom", 0x43: "Cavium", 0x46: "FUJITSU", 0x48: "HiSilicon", 0x4E: "NVIDIA", 0x50: "APM",
    0x51: "Qualcomm", 0x53: "Samsung", 0x56: "Marvell", 0x61: "Apple", 0x69: "Intel", 0x6D: "Microsoft",
    0x70: "Phytium", 0xC0: "Ampere",
}  # fmt: skip
_PARTS = {
    (0x41, 0xD03): "Cortex-A53", (0x41, 0xD07): "Cortex-A57", (0x41, 0xD08): "Cortex-A72", (0x41, 0xD0B): "Cortex-A76",
    (0x41, 0xD0C): "Neoverse-N1", (0x41, 0xD40): "Neoverse-V1", (0x41, 0xD49): "Neoverse-N2",
    (0x41, 0xD4F): "Neoverse-V2", (0x43, 0x0A1): "ThunderX-88XX", (0x43, 0x0AF): "ThunderX2-99xx",
    (0x46, 0x001): "A64FX", (0x48, 0xD01): "Kunpeng-920", (0x50, 0x000): "X-Gene", (0x70, 0x662): "FTC662",
    (0x70, 0x663): "FTC663", (0xC0, 0xAC3): "Ampere-1", (0xC0, 0xAC4): "Ampere-1a",
}  # fmt: skip


class Cpus:
    """All processors that are online, as /proc/cpuinfo has them.

    each    number -> its fields, names in small letters
    shared  fields that stand for all of them
    """

    __slots__ = ("each", "shared")

    def __init__(self) -> None:
        self.each: dict[int, dict[str, str]] = {}
        self.shared: dict[str, str] = {}

    def first(self, *names: str) -> str | None:
        """The first of these fields that the first processor has, or that all share."""
        one = next(iter(self.each.values()), {})
        return next((fields[name] for name in names for fields in (one, self.shared) if fields.get(name)), None)


def parse_cpuinfo(text: str) -> Cpus:
    """/proc/cpuinfo of any architecture. Raises CannotTell where a processor's number is none."""
    cpus = Cpus()
    fields = cpus.shared
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        if name == "processor" and value.isdigit():
            fields = cpus.each.setdefault(parse_number(value), {})
        elif name.startswith("processor ") and name[10:].isdigit():  # s390x: `processor 0: version = FF, …`
            cpus.each.setdefault(parse_number(name[10:]), {})["version"] = value
        elif not line.strip():
            fields = cpus.shared
        elif colon:
            fields.setdefault(name, value)
    return cpus


def model_of(cpus: Cpus) -> str | None:
    """What it is called: by itself, or by Arm's numbers where these are known; None where nothing is said."""
    named = cpus.first("model name", "cpu model", "cpu", "uarch", "processor")
    if named is not None:
        return named
    maker, part = _numbers(cpus)
    if maker is None:
        return None
    return _PARTS.get((maker, part), f"{_MAKERS.get(maker, f'{maker:#04x}')} part {part:#05x}")


def vendor_of(cpus: Cpus) -> str | None:
    """Who made it; None where nothing is said."""
    named = cpus.first("vendor_id", "mvendorid")
    if named is not None:
        return named
    maker, _ = _numbers(cpus)
    return None if maker is None else _MAKERS.get(maker, f"{maker:#04x}")


def flags_of(cpus: Cpus) -> list[str] | None:
    """What all of them can do, in the first one's order; None where nothing is said."""
    texts = {fields.get("flags") or fields.get("features") or "" for fields in cpus.each.values()} - {""}
    if not texts:
        shared = cpus.first("features", "isa")  # s390x, riscv
        return shared.split() if shared else None
    of_all = set.intersection(*(set(text.split()) for text in texts))
    first = cpus.first("flags", "features") or ""
    return [flag for flag in first.split() if flag in of_all]


def cores_of(cpus: Cpus) -> dict[int, tuple[str, str]]:
    """Number -> (socket, core) of each processor that says so: x86 does."""
    return {
        number: (fields.get("physical id", "0"), fields["core id"])
        for number, fields in cpus.each.items()
        if "core id" in fields and "physical id" in fields
    }


def _numbers(cpus: Cpus) -> tuple[int | None, int]:
    maker, part = cpus.first("cpu implementer"), cpus.first("cpu part")
    if maker is None or part is None:
        return None, 0
    try:
        return int(maker, 16), int(part, 16)
    except ValueError as error:
        raise CannotTell(f"/proc/cpuinfo names no part of Arm's: {maker[:20]!r}, {part[:20]!r}") from error
