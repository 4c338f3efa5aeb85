#!/bin/sh
# Dagster 1.13.27 (with its webserver and daemon), seen 2026-11-28: a backfill of assets that are no neighbours leaves
# out, in silence, those that lie behind a gap, and ends as a success.
#
# Valid input: three assets with the same days, b reads a and c reads b. In the UI a and c are chosen, with two days,
# and "Launch backfill" (the same mutation as here).
#
# One would guess: two days of a and two days of c, as chosen; or a refusal. Seen: c is not even targeted. The roots of
# the selection are those that nothing chosen lies upstream of, and a is upstream of c by way of b; from the roots the
# backfill walks down as far as what is chosen hangs together, so it never gets beyond b, which is not chosen. Status
# COMPLETED_SUCCESS, one run, of a alone. With b chosen too, or c alone, all is filled.
#
# Why it matters here: who fills days of some stages in the UI must choose stages that hang together, or launch twice.
set -eu
folder=$(mktemp -d)
trap 'cd /; for one in webserver daemon; do [ ! -f "$folder/$one.pid" ] || kill "$(cat "$folder/$one.pid")" || :; done; \
    wait; rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM

"${PYTHON:-python3}" -m venv "$folder/venv"
bin=$folder/venv/bin
"$bin/pip" install --quiet --disable-pip-version-check dagster==1.13.27 dagster-webserver==1.13.27
cd "$folder"
export DAGSTER_HOME="$folder/home" DAGSTER_DISABLE_TELEMETRY=yes PYTHONWARNINGS=ignore
mkdir "$DAGSTER_HOME"
printf 'telemetry:\n  enabled: false\n' >"$DAGSTER_HOME/dagster.yaml"

cat >three.py <<'PYTHON'
import dagster as dg

days = dg.DailyPartitionsDefinition(start_date="2026-01-01", end_date="2026-02-01")


def asset_of(name: str, deps: list[str]) -> dg.AssetsDefinition:
    @dg.asset(name=name, deps=deps, partitions_def=days, backfill_policy=dg.BackfillPolicy.single_run())
    def asset() -> dg.MaterializeResult:
        return dg.MaterializeResult()

    return asset


defs = dg.Definitions([asset_of("a", []), asset_of("b", ["a"]), asset_of("c", ["b"])])
PYTHON

cat >choose.py <<'PYTHON'
import json
import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import Request, urlopen

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
for name, command in {
    "webserver": ["dagster_webserver", "-h", "127.0.0.1", "-p", str(port), "-m", "three"],
    "daemon": ["dagster._daemon", "run", "-m", "three"],
}.items():
    with open(f"{name}.log", "wb") as log:
        process = subprocess.Popen([sys.executable, "-m", *command], stdout=log, stderr=log)
    with open(f"{name}.pid", "w") as pid:
        pid.write(str(process.pid))
    time.sleep(15)  # two would create the instance's tables at once


def ask(query: str, **variables: object) -> dict:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = Request(f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json"})
    for _ in range(60):
        try:
            return json.load(urlopen(request, timeout=30))["data"]
        except URLError:
            time.sleep(1)
    raise SystemExit("the webserver did not answer")


LAUNCH = """mutation($of: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $of) {
    __typename ... on LaunchBackfillSuccess { backfillId } } }"""
DONE = """query($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill {
    status runs(limit: 9) { id } assetBackfillData { assetBackfillStatuses {
        ... on AssetPartitionsStatusCounts { assetKey { path } numPartitionsMaterialized } } } } } }"""


def backfill(*names: str) -> str:
    """The status, the number of runs, and how many days of each asset were filled."""
    chosen = {"assetSelection": [{"path": [name]} for name in names], "partitionNames": ["2026-01-05", "2026-01-06"]}
    key = ask(LAUNCH, of=chosen)["launchPartitionBackfill"]["backfillId"]
    for _ in range(300):
        found = ask(DONE, id=key)["partitionBackfillOrError"]
        if found["status"].startswith("COMPLETED") or found["status"] == "FAILED":
            of = found["assetBackfillData"]["assetBackfillStatuses"]
            filled = {one["assetKey"]["path"][0]: one["numPartitionsMaterialized"] for one in of}
            return f"{found['status']}, runs: {len(found['runs'])}, days filled: {filled}"
        time.sleep(1)
    raise SystemExit("the backfill did not end: see daemon.log")


seen = {names: backfill(*names) for names in [("a", "b", "c"), ("a", "c"), ("c",)]}
for names, what in seen.items():
    print(f"chosen {', '.join(names)} on two days: {what}")
assert seen["a", "b", "c"] == "COMPLETED_SUCCESS, runs: 1, days filled: {'a': 2, 'b': 2, 'c': 2}"
assert seen["a", "c"] == "COMPLETED_SUCCESS, runs: 1, days filled: {'a': 2}"
assert seen["c",] == "COMPLETED_SUCCESS, runs: 1, days filled: {'c': 2}"
PYTHON
"$bin/python" choose.py
