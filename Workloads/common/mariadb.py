#!/usr/bin/env -S python3 -SB
"""A client of MariaDB over its socket, by its own protocol (4.1, text queries)."""

import os
import socket
import struct
import sys

import tasks

LARGEST = 1500
# LONG_PASSWORD, CONNECT_WITH_DB off, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH
CAPABILITIES = 0x1 | 0x200 | 0x2000 | 0x8000 | 0x80000


class MariaDB:
    width = "all"

    def __init__(self, client):
        self.peer = socket.socket(socket.AF_UNIX)
        self.peer.connect(os.environ["PERJURY_RUN"] + "/socket")
        self.answers = self.peer.makefile("rb")
        self.packet()  # the server's greeting
        login = struct.pack("<IIB23x", CAPABILITIES, 1 << 24, 45) + b"root\0\0mysql_native_password\0"
        self.send(login, 1)
        while (answer := self.packet())[0] != 0:
            if answer[0] == 255:
                raise ConnectionError(answer[3:].decode(errors="replace"))
            self.send(b"", 3)  # another way to log in is asked for: without a password

    def send(self, body, number=0):
        self.peer.sendall(struct.pack("<I", len(body))[:3] + bytes([number]) + body)

    def packet(self):
        head = self.answers.read(4)
        size = int.from_bytes(head[:3], "little")
        body = self.answers.read(size) if len(head) == 4 else b""
        if len(head) < 4 or len(body) < size:
            raise ConnectionError("the server hung up")
        return body

    @staticmethod
    def strings(row):
        """The strings of a row, each with its length before it."""
        place, found = 0, []
        while place < len(row):
            first = row[place]
            place += 1
            if first == 251:
                found.append(None)
                continue
            wide = {252: 2, 253: 3, 254: 8}.get(first, 0)
            length = int.from_bytes(row[place : place + wide], "little") if wide else first
            place += wide
            found.append(row[place : place + length].decode(errors="replace"))
            place += length
        return found

    def ask(self, text):
        """The rows of the answer."""
        self.send(b"\3" + text.encode())
        first = self.packet()
        if first[0] == 255:
            raise tasks.Refused(first[9:].decode(errors="replace"))
        if first[0] == 0:
            return []
        while not (len(packet := self.packet()) < 9 and packet[0] == 254):
            pass  # columns, up to the end that is told
        rows = []
        while not (len(packet := self.packet()) < 9 and packet[0] == 254):
            if packet[0] == 255:
                raise tasks.Refused(packet[9:].decode(errors="replace"))
            rows.append(self.strings(packet))
        return rows

    def create(self):
        self.ask("CREATE DATABASE p")
        self.ask("CREATE TABLE p.t (k VARCHAR(40) PRIMARY KEY, v TEXT NOT NULL) ENGINE=InnoDB")
        # Rows before the run: pages that recovery has to read.
        for number in range(8):
            self.ask(f"INSERT INTO p.t VALUES ('_{number}', REPEAT('_', 1500))")

    def commit(self, writes):
        self.ask("BEGIN")
        for key, value in writes:
            if value is None:
                self.ask(f"DELETE FROM p.t WHERE k = '{key}'")
            else:
                body = tasks.stored(value, LARGEST)
                self.ask(f"REPLACE INTO p.t VALUES ('{key}', '{body}')")
        self.ask("COMMIT")

    def contents(self):
        for key, body in self.ask("SELECT k, v FROM p.t ORDER BY k"):
            if not key.startswith("_"):
                yield key, tasks.value_of(key, body, LARGEST)

    def check(self):
        for _, _, kind, text in self.ask("CHECK TABLE p.t EXTENDED"):
            if kind != "status":
                yield f"{kind}: {text}"

    def halfway(self):
        """The pages of the table are written where they belong."""
        self.ask("FLUSH TABLES p.t FOR EXPORT")
        self.ask("UNLOCK TABLES")


if sys.argv[1:] == ["read"]:
    try:
        tasks.main(MariaDB, ["read"])
    except tasks.Refused as refusal:
        tasks.corrupt(refusal)
        tasks.put("@end")
else:
    tasks.main(MariaDB, sys.argv[1:])
