#!/bin/sh
# put.sh COUNT: a key-value store in a few lines of shell, one file for each key.
# Each put writes the value aside and renames it, so that no reader sees half a value.
cd "$PERJURY_DIR" || exit 1
number=1
while [ "$number" -le "$1" ]; do
    key=k$((number % 5))
    echo "@begin p$number $key=v$number"
    echo "v$number" >new.tmp && mv new.tmp "$key.value" || exit 1
    # Here a "sync" is missing, and another one before the mv.
    echo "@ack p$number"
    number=$((number + 1))
done
