#!/bin/sh
# commit.sh COUNT: that many commits, each of which changes two files.
set -e
. ./environment.sh
number=1
while [ "$number" -le "$1" ]; do
    echo "@begin c$number"
    mkdir -p "$PERJURY_DIR/notes"
    echo "This is version $number." >"$PERJURY_DIR/README"
    echo "Note $number" >"$PERJURY_DIR/notes/$((number % 3))"
    git_here add README notes
    git_here commit --quiet --message "c$number"
    echo "@ack c$number"
    number=$((number + 1))
done
