#!/usr/bin/env -S python3 -SB
"""A client of beanstalkd over its socket. A job is a key with its value; each client has a tube of its own.

beanstalkd.py ready | commit COUNT CLIENTS | read
"""

import os
import socket
import sys
import threading

import tasks

LARGEST = 1500


class Beanstalkd:
    def __init__(self, client):
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(os.environ["PERJURY_RUN"] + "/socket")
        self.peer = peer
        self.answers = peer.makefile("rb")

    def ask(self, text, body=None):
        """The words of the answer, and its body where it has one."""
        data = text.encode() + b"\r\n"
        self.peer.sendall(data if body is None else data + body.encode() + b"\r\n")
        line = self.answers.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server hung up")
        words = line.decode().split()
        if words[0] in ("OK", "FOUND", "RESERVED"):
            return words, self.answers.read(int(words[-1]) + 2)[:-2].decode()
        return words, None

    def expect(self, word, text, body=None):
        words, answer = self.ask(text, body)
        if words[0] != word:
            raise tasks.Refused(" ".join(words))
        return words, answer

    def statistics(self):
        lines = self.expect("OK", "stats")[1].splitlines()
        return dict(line.split(": ", 1) for line in lines if ": " in line)


def commit(client, count, failures):
    """Puts `count` jobs; each is deleted three jobs later, and what is left of earlier lives at once."""
    life = int(os.environ.get("PERJURY_LIFE", "0"))
    kept = []
    try:
        store = Beanstalkd(client)
        for text in (f"use tube{client}", f"watch tube{client}", "ignore default"):
            store.ask(text)

        def delete(identity, key):
            tasks.put(f"@begin c{client}/d{life}-{identity} {key}=")
            store.expect("DELETED", f"delete {identity}")
            tasks.put(f"@ack c{client}/d{life}-{identity}")

        while True:
            words, body = store.ask("reserve-with-timeout 0")
            if words[0] != "RESERVED":
                break
            delete(words[1], body.split(" ", 1)[0])
        for number in range(life * count + 1, (life + 1) * count + 1):
            key, value = f"j{client}-{number}", f"v{client}.{number}"
            body = f"{key} {tasks.stored(value, LARGEST)}"
            tasks.put(f"@begin c{client}/t{number} {key}={value}")
            words, _ = store.expect("INSERTED", f"put 0 0 60 {len(body)}", body)
            tasks.put(f"@ack c{client}/t{number}")
            kept.append((words[1], key))
            if len(kept) > 3:
                delete(*kept.pop(0))
    except BaseException as failure:
        failures.append(failure)
        print(f"client {client}: {failure!r}", file=sys.stderr, flush=True)


def read():
    """Looks at jobs by their numbers, until there are no more than the server counts."""
    store = Beanstalkd(0)
    count = sum(
        int(value) for name, value in store.statistics().items() if name.startswith("current-jobs-")
        and name != "current-jobs-urgent"
    )
    identity = 0
    while count > 0:
        identity += 1
        if identity > 1_000_000:
            tasks.corrupt(f"{count} jobs that are counted are not found")
            break
        words, body = store.ask(f"peek {identity}")
        if words[0] != "FOUND":
            continue
        count -= 1
        key, rest = (body.split(" ", 1) + [""])[:2]
        value = tasks.value_of(key, rest, LARGEST)
        if value is not None:
            tasks.saw(key, value)
    tasks.put("@end")


if sys.argv[1] == "ready":
    Beanstalkd(0).statistics()
elif sys.argv[1] == "commit":
    failures = []
    threads = [
        threading.Thread(target=commit, args=(client, int(sys.argv[2]), failures))
        for client in range(int(sys.argv[3]))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.exit(1 if failures else 0)
else:
    read()
