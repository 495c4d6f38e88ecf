#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Stands in for a QEMU: writes CONSOLE to its console and FRAMES to the channel, answers QMP, and
ends without an answer at the command LAST (`greeting`: right after its greeting)."""

import os
import re
import socket
import struct
import sys
import zlib

line = " ".join(sys.argv)
channel, control = (int(re.search(pattern, line)[1]) for pattern in (
    r"fd=(\d+),set=1", r"id=control,fd=(\d+)"))
last = os.environ["LAST"]
os.write(1, os.environ["CONSOLE"].encode())
for kind in map(int, os.environ["FRAMES"].split()):
    head = struct.pack("<II", kind, 0)
    os.write(channel, b"TWP1" + head + struct.pack("<I", zlib.crc32(head)))
stream = socket.socket(fileno=control).makefile("rw", buffering=1)
stream.write('{"QMP": {}}\n')
for request in () if last == "greeting" else stream:
    if f'"{last}"' in request:
        break
    status = "guest-panicked" if '"query-status"' in request else "completed"
    look = ', "id": "look"' if '"id": "look"' in request else ""
    stream.write(f'{{"return": {{"status": "{status}"}}{look}}}\n')
os._exit(1)
