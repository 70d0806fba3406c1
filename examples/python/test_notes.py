import pathlib
import sys

import perjury

NOTES = f"{sys.executable} {pathlib.Path(__file__).with_name('notes.py')}"
BUDGET = ("--budget", "2000", "--model", "ext4-ordered,xfs,btrfs")


def test_holds_with_its_syncs():
    store, text = perjury.explore(f"{NOTES} add 5", f"{NOTES} list", *BUDGET)
    assert store["verdict"] == "holds", text


def test_is_caught_without_its_sync():
    store, text = perjury.explore(f"{NOTES} add 5 --no-sync", f"{NOTES} list", *BUDGET)
    assert store["verdict"] == "violated", text
    lost = [finding for finding in store["findings"] if finding["violation"] == "lost-commit"]
    assert "fsync notes" in lost[0]["advice"]
