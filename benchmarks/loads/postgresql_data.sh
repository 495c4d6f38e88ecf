#!/bin/sh -e
# SPDX-License-Identifier: GPL-2.0-or-later
# A server's data with the tables of pgbench, as a tar on standard output.
PATH=/usr/lib/postgresql/15/bin:$PATH
{
	initdb -D data -A trust --no-locale --no-sync &&
		pg_ctl -D data -o '-k /tmp' -l /tmp/log -w start &&
		createdb -h /tmp bench &&
		pgbench -h /tmp -i -q bench &&
		pg_ctl -D data -m fast stop
} >/tmp/said 2>&1 || { cat /tmp/said >&2; exit 1; }
tar cf - data
