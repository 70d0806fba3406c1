#!/bin/bash
# etcd.sh serve [OPTION...]: one member. etcd.sh cluster [OPTION...]: a member for each of $PERJURY_MOUNTS, which is its storage.
# In the foreground, on sockets in PERJURY_RUN, which they make in their working directory.
mode=$1
shift
cd "$PERJURY_RUN" || exit 1
if [ "$mode" = serve ]; then
    exec etcd --data-dir "$PERJURY_DIR/etcd" --name one --listen-client-urls unix://client:1 \
        --advertise-client-urls http://127.0.0.1:1 --listen-peer-urls unix://peer:1 \
        --initial-advertise-peer-urls http://127.0.0.1:2 --initial-cluster one=http://127.0.0.1:2 \
        --heartbeat-interval 10 --election-timeout 50 --logger zap --log-outputs stderr "$@"
fi
cluster= members=()
for name in $PERJURY_MOUNTS; do cluster+=${cluster:+,}$name=unix://$name:2; done
# In order they would take five seconds.
trap 'kill -KILL "${members[@]}"; exit 0' TERM
for name in $PERJURY_MOUNTS; do
    etcd --data-dir "$PERJURY_DIR/$name/etcd" --name "$name" --listen-client-urls "unix://$name:1" \
        --advertise-client-urls "unix://$name:1" --listen-peer-urls "unix://$name:2" \
        --initial-advertise-peer-urls "unix://$name:2" --initial-cluster "$cluster" \
        --heartbeat-interval 30 --election-timeout 200 --logger zap --log-outputs stderr "$@" &
    members+=($!)
done
# A member that cannot open its storage ends. The others are a store as long as they are the most.
for ((left = ${#members[@]}; 2 * left > ${#members[@]}; left--)); do wait -n; done
kill -KILL "${members[@]}" 2>/dev/null
exit 1
