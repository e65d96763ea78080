"""An NTP server on loopback that says of itself to have an exact clock, ahead of this machine's by so many seconds.

A program: `ntp_server.py ADDRESS PORT AHEAD_S`, prints a line as soon as it can be asked.
"""

from __future__ import annotations

import socket
import struct
import sys
import time

FROM_1900_S = 2_208_988_800


def main(address: str, port: str, ahead_s: str) -> None:
    """Answer until killed: version 4, stratum 1, as RFC 5905 has it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((address, int(port)))
        print("ready", flush=True)
        while True:
            asked, who = line.recvfrom(1024)
            seconds, fraction = divmod(time.time() + float(ahead_s) + FROM_1900_S, 1)
            now = struct.pack(">II", int(seconds), int(fraction * 2**32))
            head = struct.pack(">BBbb", 0x24, 1, 4, -20) + bytes(8) + b"GPS\0"
            line.sendto(head + now + asked[40:48] + now + now, who)


if __name__ == "__main__":
    main(*sys.argv[1:])
