"""CORE. LZW as Go's compress/lzw has it (least significant bits first, 8-bit literals), which memberlist uses.

Codes begin with 9 bits and grow to 12. 256 clears the table, 257 ends. Go's writer begins with a clear code, and sends
another one whenever all 4,096 codes are given away.
"""

from __future__ import annotations

from inspector_lab.hollow.errors import PacketError

CLEAR, END, FIRST = 256, 257, 258
WIDTH_MIN, WIDTH_MAX = 9, 12
CODES_MAX = 1 << WIDTH_MAX
LITERALS = [bytes((value,)) for value in range(256)]
NONE: list[bytes] = [b"", b""]  # in the places of CLEAR and END


def compress(plain: bytes) -> bytes:
    """`plain` compressed; most answers grow by it, and are then sent as they are."""
    codes: dict[bytes, int] = {}
    bits, held, width, given = CLEAR, WIDTH_MIN, WIDTH_MIN, END
    word = b""
    for value in plain:
        longer = word + LITERALS[value]
        if len(longer) == 1 or longer in codes:
            word = longer
            continue
        bits |= (word[0] if len(word) == 1 else codes[word]) << held
        held += width
        word = LITERALS[value]
        given += 1
        width += given == 1 << width
        if given == CODES_MAX - 1:
            bits |= CLEAR << held
            held += width
            width, given = WIDTH_MIN, END
            codes.clear()
        else:
            codes[longer] = given
    if word:
        bits |= (word[0] if len(word) == 1 else codes[word]) << held
        held += width
        given += 1
        width += given == 1 << width
        if given == CODES_MAX - 1:
            bits |= CLEAR << held
            held += width
            width = WIDTH_MIN
    bits |= END << held
    return bits.to_bytes((held + width + 7) // 8, "little")


def expand(packed: bytes, bytes_max: int, *, peek: int = 0) -> bytes:
    """What was compressed; with `peek`, only (about) the first so many bytes of it.

    Raises PacketError where it is not LZW, ends too early, or grows beyond `bytes_max`.
    """
    table = LITERALS + NONE
    out: list[bytes] = []
    size = at = bits = held = 0
    width, last = WIDTH_MIN, b""
    while True:
        while held < width:
            if at == len(packed):
                raise PacketError("compressed bytes that end too early")
            bits |= packed[at] << held
            held += 8
            at += 1
        code = bits & (1 << width) - 1
        bits >>= width
        held -= width
        if code == CLEAR:
            table = LITERALS + NONE
            width, last = WIDTH_MIN, b""
            continue
        if code == END:
            return b"".join(out)
        word = _word(table, code, last)
        if last and len(table) < CODES_MAX:
            table.append(last + word[:1])
        last = word
        out.append(word)
        size += len(word)
        if size > bytes_max:
            raise PacketError(f"compressed bytes of more than {bytes_max} bytes")
        if peek and size >= peek:
            return b"".join(out)
        if len(table) >= 1 << width and width < WIDTH_MAX:
            width += 1


def _word(table: list[bytes], code: int, last: bytes) -> bytes:
    """What a code stands for; the one that is only about to be made is the last word and its own first byte."""
    if code < len(table):
        return table[code]
    if code == len(table) and last:
        return last + last[:1]
    raise PacketError("compressed bytes that name a code before it is made")
