#!/bin/sh -e
# SPDX-License-Identifier: GPL-2.0-or-later
# redis.sh always|everysec COUNTED: SETs of 100 bytes by one client, each kept in the append-only file,
# which is synced so often.
redis-server --port 6379 --bind 127.0.0.1 --save '' --appendonly yes --appendfsync "$1" \
	--dir /mnt --logfile /tmp/log --daemonize yes >/tmp/said
until redis-cli ping >/tmp/said 2>&1; do
	sleep 0.1
done
set_some() {
	redis-benchmark -t set -c 1 -d 100 -r 10000 -q -n "$1"
}
set_some 500 >/tmp/said
./region begin
set_some "$2" >/tmp/said
./region end
redis-cli shutdown nosave
