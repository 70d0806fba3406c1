"""What the workloads of servers have in common: marks, clients, and what a client writes.

`docs/workloads.md` has the protocol. Marks are printed with one write(2) each, past all buffers: `@begin` before the
server sees anything of a transaction, `@ack` when its answer has arrived.
"""

import os
import sys
import threading
import time

SLOTS = 5  # keys that one client writes again and again


class Refused(Exception):
    """The server answered with an error: nothing of the transaction is there."""


def put(line):
    data = line.encode() + b"\n"
    if os.write(1, data) != len(data):
        os._exit(1)


def saw(key, value):
    put(f"@saw {encoded(key)}={encoded(value)}")


def corrupt(text):
    put("@corrupt " + " ".join(str(text).split()))


def encoded(text):
    plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-"
    return "".join(c if c in plain else "".join(f"%{b:02X}" for b in c.encode()) for c in text)


def stored(value, largest):
    """The body that stands for a value in the store: its length differs, and reading compares it."""
    number = int(value.rsplit(".", 1)[-1])
    size = largest if number % 5 == 3 else largest // 20 + number * 37 % 100
    pattern = value + " "
    return (pattern * (size // len(pattern) + 2))[: max(size, len(pattern))]


def value_of(key, body, largest):
    """The value that a body stands for; an objection is printed when it is none that was ever stored."""
    value = body.split(" ", 1)[0]
    try:
        if body == stored(value, largest):
            return value
    except ValueError:
        pass
    corrupt(f"the value of {key} is damaged: {body[:40]!r}")
    return None


def change(store, client, number):
    """A key of the client's own, one of a few, and in one transaction with it another, which each transaction writes.
    Every fourth deletes one, too: by itself, where the store cannot do both in one.
    """
    value = f"v{client}.{number}"
    writes = [(f"k{client}-{number % SLOTS}", value)]
    if store.width == "one key":
        return writes
    writes.append((f"s{client}", value))
    if number % 4 == 0:
        deleted = (f"k{client}-{(number + 2) % SLOTS}", None)
        writes = writes + [deleted] if store.width == "all" else [deleted]
    return writes


def commit(connect, client, count, pause, halfway, failures):
    life = int(os.environ.get("PERJURY_LIFE", "0"))
    try:
        store = connect(client)
        if hasattr(store, "settle"):
            store.settle()
        for number in range(life * count + 1, (life + 1) * count + 1):
            writes = change(store, client, number)
            name = f"c{client}/t{number}"
            put(f"@begin {name} " + " ".join(f"{k}={v or ''}" for k, v in writes))
            try:
                store.commit(writes)
            except Refused as refusal:
                put(f"@abort {name}")
                raise refusal
            except BaseException:
                put(f"@unknown {name}")
                raise
            put(f"@ack {name}")
            if halfway and client == 0 and number % count == count // 2:
                store.halfway()
            time.sleep(pause)
    except BaseException as failure:
        failures.append(failure)
        print(f"client {client}: {failure!r}", file=sys.stderr, flush=True)


def main(connect, words):
    """`commit COUNT [CLIENTS [PAUSE]] [halfway]`, `create`, or `read`.

    `connect(client)` makes a client: `commit(writes)` answers when the server has acknowledged, and takes None for a deleted
    key; `contents()` yields keys with their values; `check()` yields what the store's own check objects to; `create()`
    makes an empty store; `settle()`, where there is one, comes before the first commit; `halfway()` is what is done once in the middle of a run. `width` is what one
    transaction may hold: "all", "writes" but no deletes beside them, or "one key".
    """
    if words[0] == "commit":
        halfway = words[-1] == "halfway"
        numbers = words[1:-1] if halfway else words[1:]
        count = int(numbers[0])
        clients = int(numbers[1]) if len(numbers) > 1 else 1
        pause = float(numbers[2]) if len(numbers) > 2 else 0
        failures = []
        threads = [
            threading.Thread(target=commit, args=(connect, c, count, pause, halfway, failures))
            for c in range(clients)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sys.exit(1 if failures else 0)
    elif words[0] == "create":
        connect(0).create()
    elif words[0] == "read":
        store = connect(0)
        for key, value in store.contents():
            if value is not None:
                saw(key, value)
        for objection in store.check():
            corrupt(objection)
        put("@end")
    else:
        sys.exit(f"usage: {sys.argv[0]} create | commit COUNT [CLIENTS [PAUSE]] [halfway] | read")
