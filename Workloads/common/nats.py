#!/usr/bin/env -S python3 -SB
"""A client of NATS JetStream. A key is a subject, of which the stream keeps the last message."""

import base64
import json
import os
import socket
import sys
import time

import tasks

LARGEST = 1500


def port():
    """The server chose one, and wrote it to a file."""
    deadline = time.monotonic() + 10
    while True:
        for name in os.listdir(os.environ["PERJURY_RUN"]):
            if name.endswith(".ports"):
                with open(os.path.join(os.environ["PERJURY_RUN"], name)) as file:
                    text = file.read()
                if text.endswith("}"):
                    return int(json.loads(text)["nats"][0].rsplit(":", 1)[1])
        if time.monotonic() > deadline:
            raise TimeoutError("the server wrote no file of its ports")
        time.sleep(0.005)


class NATS:
    width = "one key"

    def __init__(self, client):
        self.peer = socket.create_connection(("127.0.0.1", port()))
        self.peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answers = self.peer.makefile("rb")
        self.answers.readline()
        self.inbox = f"_INBOX.{client}.{os.getpid()}"
        self.peer.sendall(
            b'CONNECT {"verbose":false,"pedantic":false,"headers":false,"lang":"python","version":"0","protocol":1}\r\n'
            + f"SUB {self.inbox} 1\r\n".encode()
        )

    def ask(self, subject, body):
        """The answer to one message, as JSON."""
        data = body.encode()
        self.peer.sendall(f"PUB {subject} {self.inbox} {len(data)}\r\n".encode() + data + b"\r\n")
        while True:
            line = self.answers.readline()
            if not line.endswith(b"\r\n"):
                raise ConnectionError("the server hung up")
            words = line.decode().split()
            if words[0] == "PING":
                self.peer.sendall(b"PONG\r\n")
            elif words[0] == "-ERR":
                raise ConnectionError(line.decode())
            elif words[0] == "MSG":
                answer = json.loads(self.answers.read(int(words[-1]) + 2))
                if "error" in answer:
                    raise tasks.Refused(answer["error"].get("description", "error"))
                return answer

    def create(self):
        self.ask(
            "$JS.API.STREAM.CREATE.S",
            json.dumps(
                {"name": "S", "subjects": ["s.>"], "storage": "file", "retention": "limits",
                 "max_msgs_per_subject": 1, "max_msgs": -1, "max_bytes": -1, "max_consumers": -1,
                 "num_replicas": 1, "discard": "old"}
            ),
        )

    def commit(self, writes):
        for key, value in writes:
            answer = self.ask(f"s.{key}", tasks.stored(value, LARGEST))
            if "seq" not in answer:
                raise ConnectionError(f"no acknowledgement: {answer}")

    def contents(self):
        state = self.ask("$JS.API.STREAM.INFO.S", '{"subjects_filter":"s.>"}')["state"]
        for subject in sorted(state.get("subjects") or {}):
            answer = self.ask("$JS.API.STREAM.MSG.GET.S", json.dumps({"last_by_subj": subject}))
            key = subject.removeprefix("s.")
            body = base64.b64decode(answer["message"]["data"]).decode(errors="replace")
            yield key, tasks.value_of(key, body, LARGEST)

    def check(self):
        return []


if sys.argv[1:] == ["ready"]:
    NATS(0).ask("$JS.API.INFO", "")
else:
    tasks.main(NATS, sys.argv[1:])
