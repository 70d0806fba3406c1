#!/usr/bin/env -S python3 -SB
"""A client of Redis over its socket, by its own protocol.

One transaction is one command, MSET or DEL; after the word `multi` it is MULTI ... EXEC.
"""

import os
import socket
import sys
import time

import tasks

LARGEST = 2000


class Redis:
    width = "writes"

    def __init__(self, client):
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(os.environ["PERJURY_RUN"] + "/redis.sock")
        self.peer = peer
        self.answers = peer.makefile("rb")

    def send(self, *words):
        text = b"*%d\r\n" % len(words)
        for word in words:
            data = word.encode()
            text += b"$%d\r\n%s\r\n" % (len(data), data)
        self.peer.sendall(text)

    def answer(self):
        line = self.answers.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server hung up")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise tasks.Refused(rest.decode())
        if kind == b"$":
            size = int(rest)
            return None if size < 0 else self.answers.read(size + 2)[:-2].decode()
        if kind == b"*":
            return [self.answer() for _ in range(int(rest))]
        return rest.decode()

    def ask(self, *words):
        self.send(*words)
        return self.answer()

    def commit(self, writes):
        words = []
        for key, value in writes:
            if value is None:
                words = ["DEL", key]
            else:
                words += [key, tasks.stored(value, LARGEST)]
        self.ask(*(words if words[0] == "DEL" else ["MSET"] + words))

    def contents(self):
        for key in sorted(self.ask("KEYS", "*")):
            yield key, tasks.value_of(key, self.ask("GET", key), LARGEST)

    def check(self):
        return []

    def create(self):
        self.ask("PING")

    def halfway(self):
        """The log is rewritten, and the old one goes."""
        self.ask("BGREWRITEAOF")
        deadline = time.monotonic() + 10
        while "aof_rewrite_in_progress:0" not in self.ask("INFO", "persistence"):
            if time.monotonic() > deadline:
                raise TimeoutError("the rewrite of the log does not end")
            time.sleep(0.005)


class RedisMulti(Redis):
    width = "all"

    def commit(self, writes):
        self.send("MULTI")
        for key, value in writes:
            if value is None:
                self.send("DEL", key)
            else:
                self.send("SET", key, tasks.stored(value, LARGEST))
        self.send("EXEC")
        for _ in range(len(writes) + 2):
            self.answer()


if sys.argv[1] == "multi":
    tasks.main(RedisMulti, sys.argv[2:])
else:
    tasks.main(Redis, sys.argv[1:])
