#!/bin/sh
# etcd.sh serve [OPTION...]: one member, in the foreground, on sockets in PERJURY_RUN, which it makes in its working directory.
shift
cd "$PERJURY_RUN" || exit 1
exec etcd --data-dir "$PERJURY_DIR/etcd" --name one --listen-client-urls unix://client:1 \
    --advertise-client-urls http://127.0.0.1:1 --listen-peer-urls unix://peer:1 \
    --initial-advertise-peer-urls http://127.0.0.1:2 --initial-cluster one=http://127.0.0.1:2 \
    --heartbeat-interval 10 --election-timeout 50 --logger zap --log-outputs stderr "$@"
