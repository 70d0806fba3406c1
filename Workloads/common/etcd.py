#!/usr/bin/env -S python3 -SB
"""A client of etcd: its JSON gateway, over a socket.

With the word `cluster` before the others each client has a member of its own out of $PERJURY_MOUNTS.
"""

import base64
import json
import os
import socket
import sys
import time

import tasks

LARGEST = 1500


def coded(text):
    return base64.b64encode(text.encode()).decode()


def decoded(text):
    return base64.b64decode(text).decode(errors="replace")


class Unavailable(ConnectionError):
    """No answer yet: the leader has changed, or there is none."""


class Etcd:
    width = "all"

    def __init__(self, client, member="client"):
        self.peer = socket.socket(socket.AF_UNIX)
        self.peer.connect(f"{os.environ['PERJURY_RUN']}/{member}:1")
        self.answers = self.peer.makefile("rb")

    def ask(self, path, question):
        body = json.dumps(question).encode()
        head = f"POST /v3/{path} HTTP/1.1\r\nHost: client\r\nContent-Length: {len(body)}\r\n\r\n"
        self.peer.sendall(head.encode() + body)
        status, size, is_chunked = self.answers.readline().split(), 0, False
        if len(status) < 2:
            raise ConnectionError("the server hung up")
        while (line := self.answers.readline().strip().lower()) != b"":
            name, value = line.split(b":", 1)
            if name == b"content-length":
                size = int(value)
            elif name == b"transfer-encoding":
                is_chunked = value.strip() == b"chunked"
        answer = self.chunks() if is_chunked else self.answers.read(size)
        if status[1] == b"503":
            raise Unavailable(f"{path}: {answer[:200]!r}")
        if status[1] != b"200":
            raise ConnectionError(f"{path}: {status[1].decode()} {answer[:200]!r}")
        return json.loads(answer)

    def chunks(self):
        text = b""
        while (size := int(self.answers.readline(), 16)) > 0:
            text += self.answers.read(size)
            self.answers.readline()
        self.answers.readline()
        return text

    def create(self):
        self.ask("kv/range", {"key": coded("nothing")})

    def commit(self, writes):
        done = []
        for key, value in writes:
            if value is None:
                done.append({"requestDeleteRange": {"key": coded(key)}})
            else:
                body = coded(tasks.stored(value, LARGEST))
                done.append({"requestPut": {"key": coded(key), "value": body}})
        self.ask("kv/txn", {"success": done})

    def contents(self):
        for pair in self.ask("kv/range", {"key": "AA==", "range_end": "AA=="}).get("kvs", []):
            key = decoded(pair["key"])
            yield key, tasks.value_of(key, decoded(pair["value"]), LARGEST)

    def check(self):
        return []

    def halfway(self):
        """The history is dropped, and the database file made anew."""
        revision = self.ask("kv/range", {"key": coded("nothing")})["header"]["revision"]
        self.ask("kv/compaction", {"revision": revision, "physical": True})
        self.ask("maintenance/defragment", {})


class Cluster(Etcd):
    """Members of which the most make a store: one that could not open its storage is passed over."""

    members = os.environ.get("PERJURY_MOUNTS", "").split()

    def __init__(self, client):
        for step in range(len(self.members)):
            self.member = self.members[(client + step) % len(self.members)]
            try:
                return super().__init__(client, self.member)
            except OSError as failure:
                refusal = failure
        raise refusal

    def contents(self):
        while True:
            try:
                return list(super().contents())
            except Unavailable:
                time.sleep(0.01)

    def check(self):
        """Each member's answer, to a question that it must ask the others about."""
        answers = {}
        for number in range(len(self.members)):
            member = Cluster(number)
            if member.member not in answers:
                answers[member.member] = sorted(member.contents())
        return ["the members disagree"] if any(a != b for a in answers.values() for b in answers.values()) else []

    @classmethod
    def wait(cls):
        """Until the most of them know a leader: what is asked before that is answered after five seconds only."""
        ready = set()
        while 2 * len(ready) <= len(cls.members):
            for member in cls.members:
                try:
                    if int(Etcd(0, member).ask("maintenance/status", {}).get("leader", 0)) != 0:
                        ready.add(member)
                except (OSError, ValueError):
                    pass
            time.sleep(0.01)


if sys.argv[1:] == ["cluster", "ready"]:
    Cluster.wait()
elif sys.argv[1:2] == ["cluster"]:
    tasks.main(Cluster, sys.argv[2:])
else:
    tasks.main(Etcd, sys.argv[1:])
