#!/bin/sh
# write.sh FIRST LAST: saves the versions FIRST to LAST of a configuration file, both keys in each.
cd "$PERJURY_DIR" || exit 1

content() {
    printf 'host=v%s\nport=v%s\nend\n' "$1" "$1"
}

save() {
    content "$1" >app.conf
}

version=$1
while [ "$version" -le "$2" ]; do
    echo "@begin c$version host=v$version port=v$version"
    save "$version" || exit 1
    echo "@ack c$version"
    version=$((version + 1))
done
