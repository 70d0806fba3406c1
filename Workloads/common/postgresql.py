#!/usr/bin/env -S python3 -SB
"""A client of PostgreSQL over its socket, by its own protocol (version 3, simple queries)."""

import os
import socket
import struct
import sys

import tasks

LARGEST = 1500


class PostgreSQL:
    width = "all"

    def __init__(self, client):
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(os.environ["PERJURY_RUN"] + "/.s.PGSQL.5432")
        self.peer = peer
        self.answers = peer.makefile("rb")
        body = struct.pack("!i", 196608) + b"user\0postgres\0database\0postgres\0\0"
        peer.sendall(struct.pack("!i", len(body) + 4) + body)
        self.rows()

    def read(self, size):
        data = self.answers.read(size)
        if len(data) < size:
            raise ConnectionError("the server hung up")
        return data

    def rows(self):
        """The rows of an answer, up to ReadyForQuery."""
        rows, refusal = [], None
        while True:
            kind, size = self.read(1), struct.unpack("!i", self.read(4))[0] - 4
            body = self.read(size)
            if kind == b"D":
                row, place = [], 2
                for _ in range(struct.unpack_from("!h", body)[0]):
                    length = struct.unpack_from("!i", body, place)[0]
                    row.append(body[place + 4 : place + 4 + length].decode() if length >= 0 else None)
                    place += 4 + max(0, length)
                rows.append(row)
            elif kind == b"E":
                fields = {f[:1]: f[1:].decode(errors="replace") for f in body.split(b"\0") if f}
                refusal = f"{fields.get(b'S')} {fields.get(b'C')}: {fields.get(b'M')}"
                if fields.get(b"S") in ("FATAL", "PANIC"):
                    raise ConnectionError(refusal)
            elif kind == b"Z":
                if refusal:
                    raise tasks.Refused(refusal)
                return rows

    def ask(self, text):
        data = text.encode() + b"\0"
        self.peer.sendall(b"Q" + struct.pack("!i", len(data) + 4) + data)
        return self.rows()

    def settle(self):
        """Each start writes caches of its catalogs, dozens of pages that nobody syncs. They are not what is tried here."""
        os.sync()

    def create(self):
        self.ask("CREATE EXTENSION amcheck")
        self.ask("CREATE TABLE t (key text PRIMARY KEY, value text NOT NULL)")
        # As it is: not compressed, not in a table of its own.
        self.ask("ALTER TABLE t ALTER value SET STORAGE PLAIN")
        # With a row in it before, recovery does not make the first page anew but reads it.
        self.ask("INSERT INTO t VALUES ('', '')")

    def commit(self, writes):
        self.ask("BEGIN")
        for key, value in writes:
            if value is None:
                self.ask(f"DELETE FROM t WHERE key = '{key}'")
            else:
                body = tasks.stored(value, LARGEST)
                self.ask(
                    f"INSERT INTO t VALUES ('{key}', '{body}')"
                    " ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value"
                )
        self.ask("COMMIT")

    def contents(self):
        for key, body in self.ask("SELECT key, value FROM t WHERE key <> '' ORDER BY key"):
            yield key, tasks.value_of(key, body, LARGEST)

    def check(self):
        """What amcheck says of the table and of its index."""
        try:
            for (text,) in self.ask("SELECT msg FROM verify_heapam('t')"):
                yield text
            self.ask("SELECT bt_index_check('t_pkey', true)")
        except tasks.Refused as refusal:
            yield refusal

    def halfway(self):
        self.ask("CHECKPOINT")


def read():
    """A page whose checksum is wrong ends a query: that is an objection, and the listing."""
    try:
        tasks.main(PostgreSQL, ["read"])
    except tasks.Refused as refusal:
        tasks.corrupt(refusal)
        tasks.put("@end")


if sys.argv[1:] == ["read"]:
    read()
else:
    tasks.main(PostgreSQL, sys.argv[1:])
