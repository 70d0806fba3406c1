#!/bin/sh
# read.sh: what the configuration file says. Its last line is "end", so that a cut file is noticed.
cd "$PERJURY_DIR" || exit 1
if [ ! -e app.conf ]; then
    echo "@corrupt app.conf is missing"
elif [ "$(tail -n 1 app.conf | tr -d '\0')" != end ]; then
    echo "@corrupt app.conf is cut off or empty"
else
    sed '/^end$/d; s/^/@saw /' app.conf
fi
echo "@end"
