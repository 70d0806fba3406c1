#!/usr/bin/env -S python3 -SB
"""A client of etcd: its JSON gateway, over a socket."""

import base64
import json
import os
import socket
import sys

import tasks

LARGEST = 1500


def coded(text):
    return base64.b64encode(text.encode()).decode()


def decoded(text):
    return base64.b64decode(text).decode(errors="replace")


class Etcd:
    width = "all"

    def __init__(self, client):
        self.peer = socket.socket(socket.AF_UNIX)
        self.peer.connect(os.environ["PERJURY_RUN"] + "/client:1")
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


if sys.argv[1:] == ["ready"]:
    Etcd(0).create()
else:
    tasks.main(Etcd, sys.argv[1:])
