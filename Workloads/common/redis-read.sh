#!/bin/sh
# What the server shows, and what redis-check-aof says of its files.
manifest="$PERJURY_DIR/appendonlydir/appendonly.aof.manifest"
if [ -e "$manifest" ]; then
    report=$(redis-check-aof "$manifest" 2>&1) || echo "@corrupt $(echo "$report" | tail -n 1)"
fi
exec ../common/redis.py read
