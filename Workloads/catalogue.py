#!/usr/bin/env python3
"""Writes docs/catalogue.md from reports: catalogue.py RUN.json [LIVE.json] >docs/catalogue.md

RUN.json is what `perjury run --json` wrote, LIVE.json what `perjury live --json` did. `make catalogue` does all of it.
"""

import json
import platform
import subprocess
import sys
import textwrap

# Whose version is told: the package that has the store, by how the workload's name begins.
PACKAGES = {
    "sqlite": "libsqlite3-0", "lmdb": "liblmdb0", "leveldb": "libleveldb1d", "rocksdb": "librocksdb7.8",
    "berkeleydb": "libdb5.3", "gdbm": "libgdbm6", "tdb": "libtdb1", "git": "git", "redis": "redis-server",
    "postgresql": "postgresql-15", "beanstalkd": "beanstalkd", "etcd": "etcd-server", "nats": "nats-server",
    "mariadb": "mariadb-server",
}


def version(name):
    for start, package in PACKAGES.items():
        if name.startswith(start):
            asked = subprocess.run(
                ["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True)
            return asked.stdout.split(":")[-1] if asked.returncode == 0 else ""
    return ""


def cell(model):
    """What came out, and how much was looked at."""
    if model is None:
        return ""
    if model["verdict"] is None:
        counts = sorted(model["outcomes"].items(), key=lambda pair: -pair[1])
        return ", ".join(f"{name} {count:,}" for name, count in counts)
    words = model["verdict"] if model["verdict"] != "violated" else " ".join(model["kinds"])
    if not model["asExpected"]:
        words = f"**{words}**"
    return f"{words} ({model['statesPlanned']:,}{'' if model['exhaustive'] else '+'})"


def table(rows):
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    return lines + ["| " + " | ".join(row) + " |" for row in rows[1:]]


def paragraph(text):
    return textwrap.wrap(text, 120, break_on_hyphens=False)


def main():
    with open(sys.argv[1]) as file:
        run = json.load(file)
    stores = [w for w in run["workloads"] if not w["name"].startswith(("toy-", "config-", "example-"))]
    targets = []
    for workload in stores:
        for model in workload["models"]:
            target = (model["model"], model["stack"])
            if target not in targets:
                targets.append(target)
    lines = [
        "# The catalogue, as it came out",
        "",
        *paragraph(
            f"Made by `make catalogue` with perjury {run['perjury']}, seed {run['seed']}, budget {run['budget']}, on Linux "
            f"{platform.release().split('-')[0]} {platform.machine()}. In parentheses: how many states were judged; `+` where there "
            "are more. **Bold** is what the workload does not expect. A number of states depends on the machine's speed, a violation "
            "that is found is a fact. What each workload commits and promises, and what is known about it, is in its README."),
        "",
    ]
    head = ["workload", "version", "promise", *(m if s == "honest" else f"{m}/{s}" for m, s in targets)]
    rows = [head]
    for workload in stores:
        models = {(m["model"], m["stack"]): m for m in workload["models"]}
        about = f"[{workload['name']}](../Workloads/{workload['name']})"
        if workload["inconclusive"]:
            rows.append([about, version(workload["name"]), workload["promise"], "inconclusive: " + workload["inconclusive"],
                         *[""] * (len(targets) - 1)])
        else:
            rows.append([about, version(workload["name"]), workload["promise"], *(cell(models.get(t)) for t in targets)])
    lines += table(rows)
    if run.get("skipped"):
        names = ", ".join(s["name"] for s in run["skipped"])
        lines += ["", *paragraph(f"Not run, as the machine had no programs for them: {names}.")]
    if len(sys.argv) > 2:
        with open(sys.argv[2]) as file:
            live = json.load(file)
        rows = [["workload", "model", "verdict", "power losses", "during recovery", "acknowledged", "states judged", "a cycle (median)", "of it not the store's own"]]
        for w in live["workloads"]:
            kinds = " ".join(f"{kind} ({count})" for kind, count in w["kinds"].items())
            verdict = f"inconclusive: {w['inconclusive']}" if w["verdict"] == "inconclusive" else kinds or w["verdict"]
            rows.append(
                [w["name"], w["model"], verdict, f"{w['powerLosses']:,}", f"{w['duringRecovery']:,}", f"{w['acknowledged']:,}",
                 f"{w['statesJudged']:,}", f"{w['medianCycle']['seconds'] * 1000:.0f} ms", f"{w['medianOverhead']['seconds'] * 1000:.0f} ms"])
        lines += ["", "## Live", "",
                  *paragraph(
                      "`perjury live`: the power goes under the running store, which recovers on what is left and goes on. A "
                      "cycle is from one power loss to the next, restart, listing and clients included."), ""]
        lines += table(rows)
    print("\n".join(lines))


main()
