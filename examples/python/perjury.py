"""`perjury` from a test: copy this file."""
import json
import os
import subprocess
import tempfile


def explore(run, observe, *options):
    """Runs the store, cuts its power everywhere, and returns the report of `perjury run --json`."""
    with tempfile.TemporaryDirectory() as out:
        command = [os.environ.get("PERJURY", "perjury"), "run", "--run", run, "--observe", observe]
        command += ["--out", out, "--json", out + "/report.json", *options]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode not in (0, 1):
            raise RuntimeError(result.stdout + result.stderr)
        report = json.load(open(out + "/report.json"))
        return report["workloads"][0], result.stdout
