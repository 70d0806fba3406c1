#!/bin/sh
# postgresql.sh serve [OPTION...]: the server, small, in the foreground; an empty directory becomes a cluster first.
# postgresql.sh serve-debian [OPTION...]: the same, but a lock file that holds no process number is removed before, as Debian's
# pg_ctlcluster does.
# postgresql.sh ready: whether it takes requests.
for place in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; do
    if [ -x "$place/postgres" ]; then PATH="$place:$PATH"; fi
done
case $1 in
serve | serve-debian)
    if [ "$1" = serve-debian ] && [ -e "$PERJURY_DIR/postmaster.pid" ] &&
        ! grep -q '^[0-9]' "$PERJURY_DIR/postmaster.pid"; then
        rm -f "$PERJURY_DIR/postmaster.pid"
    fi
    shift
    if [ -z "$(ls -A "$PERJURY_DIR")" ]; then
        initdb --pgdata "$PERJURY_DIR" --username postgres --auth trust --data-checksums --no-sync \
            --encoding UTF8 --no-locale --wal-segsize 1 >&2 || exit 1
    fi
    # Nothing happens by itself: no vacuum, no checkpoint by time, one process fewer of each kind.
    exec postgres -D "$PERJURY_DIR" -k "$PERJURY_RUN" -c listen_addresses= -c shared_buffers=1MB \
        -c max_connections=10 -c autovacuum=off -c wal_level=minimal -c max_wal_senders=0 \
        -c checkpoint_timeout=1h -c min_wal_size=2MB -c max_wal_size=2MB -c bgwriter_delay=10s \
        -c max_worker_processes=0 -c max_logical_replication_workers=0 -c jit=off \
        -c dynamic_shared_memory_type=sysv "$@"
    ;;
ready) exec pg_isready --quiet --host "$PERJURY_RUN" ;;
*) echo "usage: $0 serve | serve-debian [OPTION...], or ready" >&2 && exit 64 ;;
esac
