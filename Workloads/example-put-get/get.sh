#!/bin/sh
# get.sh: lists every key and its value.
cd "$PERJURY_DIR" || exit 1
for file in *.value; do
    [ -e "$file" ] || continue
    echo "@saw ${file%.value}=$(tr -d '\0' <"$file")"
done
echo "@end"
