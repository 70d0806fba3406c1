#!/bin/sh
# A power loss by hand: `perjury mount`, `perjury ctl` and sqlite3, nothing else.
# The README's second example, run by `make test`.
set -eu
cd "$(mktemp -d)"
trap 'perjury ctl data.ctl quit >quit.log 2>&1 || true; cd /; rm -rf "$OLDPWD"' EXIT
mkdir data
perjury mount data --detach

fail() {
    echo "FAILED: $1"
    exit 1
}

# 1. A rename that nobody synced.
echo 'colour=red' >data/config && sync data/config data
echo 'colour=blue' >data/config.new && sync data/config.new && mv data/config.new data/config
perjury ctl data.ctl pending
perjury ctl data.ctl cut worst
grep -q red data/config || fail "the rename was never synced, and it survived"

# 2. The same with a sync of the folder.
echo 'colour=blue' >data/config.new && sync data/config.new && mv data/config.new data/config && sync data
perjury ctl data.ctl cut worst
grep -q blue data/config || fail "the rename was synced, and it is lost"

# 3. A database whose drive is honest ...
sqlite3 data/bank.db 'pragma journal_mode=wal; pragma synchronous=full; create table t (x);' >/dev/null
sqlite3 data/bank.db 'pragma synchronous=full; insert into t values (1);'
perjury ctl data.ctl cut worst
[ "$(sqlite3 data/bank.db 'select count(*) from t')" = 1 ] || fail "a committed row is lost on an honest drive"

# ... and one whose drive answers fsync and does nothing.
perjury ctl data.ctl lie on
sqlite3 data/bank.db 'pragma synchronous=full; insert into t values (2);'
[ "$(sqlite3 data/bank.db 'select count(*) from t')" = 2 ] || fail "the row is not there before the power goes"
perjury ctl data.ctl cut worst
[ "$(sqlite3 data/bank.db 'select count(*) from t')" = 1 ] || fail "a row survived that never left the drive's cache"

perjury ctl data.ctl lie off
echo "shown: a lost rename, a kept one, a kept row, a row lost to a lying drive"
