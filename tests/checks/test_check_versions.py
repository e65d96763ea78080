"""Version orders: tables from those who define them, and the laws that every order keeps."""

from __future__ import annotations

import itertools
import shutil
import subprocess

import pytest
from checklib.errors import CannotTell
from checklib.versions import ORDERS, compare
from hypothesis import given
from hypothesis import strategies as st

# Each line is in ascending order; what stands in one group is equal.
ASCENDING: list[tuple[str, list[list[str]]]] = [
    ("dpkg", [["0~~"], ["0~~a"], ["0~"], ["0", "00", "0-0", "0:0"], ["0a"], ["0+"], ["1:0"]]),
    ("dpkg", [["3.0.11-1~deb12u1"], ["3.0.11-1~deb12u2"], ["3.0.11-1"], ["3.0.11-1+b1"], ["3.0.11-1.1"], ["3.0.11-2"]]),
    ("dpkg", [["1.0~rc1-1"], ["1.0", "1.0-0"], ["1.0-1"], ["1.0a-1"], ["1.0-2-1"], ["1.0.1-1"], ["1.2"], ["1.10"]]),
    ("dpkg", [["2.36-9+deb12u9"], ["2.36-9+deb12u10"], ["1:1.2.13.dfsg-1"], ["10:0"]]),
    ("rpm", [["1.0~rc1"], ["1.0~rc2"], ["1.0"], ["1.0^git1"], ["1.0.1"], ["1.1"], ["1.10"]]),
    ("rpm", [["5.14.0-427.13.1.el9_4", "0:5.14.0-427.13.1.el9_4"], ["5.14.0-427.20.1.el9_4"], ["5.14.1-1"], ["1:1-1"]]),
    ("rpm", [["2a"], ["2.0", "2_0", "2.00"], ["2.0a"], ["2.0.1"]]),
    ("rpm", [["fc4"], ["fc.4.1"], ["5"]]),
    (
        "apk",
        [
            ["1.2_alpha"],
            ["1.2_alpha1"],
            ["1.2_beta"],
            ["1.2_rc1"],
            ["1.2", "1.2-r0"],
            ["1.2-r1"],
            ["1.2_git2023"],
            ["1.2_p1"],
        ],
    ),
    ("apk", [["1.2_p1"], ["1.2a"], ["1.2.1"], ["1.10"], ["2"]]),
    ("kernel", [["6.1-rc7"], ["6.1", "6.1.0", "v6.1"], ["6.1.0-9-amd64"], ["6.1.0-13-amd64"], ["6.1.1"], ["6.10"]]),
    ("kernel", [["5.14.0-427.13.1.el9_4.x86_64"], ["5.14.0-427.20.1.el9_4.x86_64"], ["5.15.0-91-generic"]]),
    ("kernel", [["6.6.0-rc1-custom"], ["6.6.0-rc2"], ["6.6"], ["6.6.0-custom"]]),
    ("kernel", [["5.10.0-60.18.0.50.oe2203.x86_64"], ["5.10.0-153.12.0.92.oe2203sp2.x86_64"]]),
    ("plain", [["8.9"], ["8.10"], ["9"], ["22.04"], ["22.10"]]),
    ("plain", [["1.2"], ["1.2-beta"], ["1.2-gamma"], ["1.2-3"]]),
]

CHARACTERS = "019.-+~aZ^_"
TEXTS = st.text(CHARACTERS, min_size=1, max_size=8)


@pytest.mark.parametrize(("order", "groups"), ASCENDING)
def test_table(order: str, groups: list[list[str]]) -> None:
    """Each version of a group equals the others of it, and is before all of the next groups."""
    for (here, left_group), (there, right_group) in itertools.product(enumerate(groups), repeat=2):
        for left, right in itertools.product(left_group, right_group):
            assert compare(left, right, order) == (here > there) - (here < there), f"{left} and {right}"


def told(left: str, right: str, order: str) -> int | None:
    """The comparison; None where it is refused."""
    try:
        return compare(left, right, order)
    except CannotTell:
        return None


@pytest.mark.parametrize("order", ORDERS)
@given(texts=st.lists(TEXTS, min_size=3, max_size=3))
def test_laws(order: str, texts: list[str]) -> None:
    """Equal to itself, the other way round the other way round, and transitive; or refused, in both directions."""
    a, b, c = texts
    assert told(a, a, order) in {0, None}
    ab, ba, bc, ac = told(a, b, order), told(b, a, order), told(b, c, order), told(a, c, order)
    assert (ab is None) == (ba is None)
    if ab is not None and ba is not None:
        assert ab == -ba
    # rpm lets a missing release be equal to any, which is not transitive; there the law holds among full versions.
    full = order != "rpm" or all("-" in text.strip("-") for text in texts) or not any("-" in text for text in texts)
    if full and ab is not None and bc is not None and ac is not None and ab <= 0 and bc <= 0:
        assert ac <= 0
        assert (ab, bc) == (0, 0) or not (ab < 0 and bc < 0) or ac < 0


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("text", ["", " ", "1 2", "1\n", "é", "1" * 257])
def test_what_is_no_version_is_refused(order: str, text: str) -> None:
    """Refused with the text in the message, on either side; never a Python error."""
    for left, right in ((text, "1"), ("1", text)):
        with pytest.raises(CannotTell, match="is no version"):
            compare(left, right, order)


@pytest.mark.parametrize(
    ("order", "text"), [("dpkg", "x:1"), ("rpm", ":1"), ("apk", "1.x"), ("kernel", "new"), ("plain", ".1")]
)
def test_each_order_has_its_own_form(order: str, text: str) -> None:
    """An epoch is a number, Alpine knows its suffixes, and dotted numbers begin with a number."""
    with pytest.raises(CannotTell):
        compare(text, "1", order)


def test_dpkg_itself_agrees() -> None:
    """The table above, asked of dpkg where it is, which is every machine that this runs on: Debian or Ubuntu."""
    dpkg = shutil.which("dpkg")
    assert dpkg, "these tests are for Debian and Ubuntu"
    for _, groups in (entry for entry in ASCENDING if entry[0] == "dpkg"):
        for left, right in itertools.pairwise(group[0] for group in groups):
            assert subprocess.run([dpkg, "--compare-versions", left, "lt", right], check=False).returncode == 0
