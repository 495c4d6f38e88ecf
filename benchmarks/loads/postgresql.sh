#!/bin/sh -e
# SPDX-License-Identifier: GPL-2.0-or-later
# postgresql.sh on|off written|read_in COUNTED: transactions of pgbench with so much
# synchronous_commit, then a checkpoint. The server's own buffers hold a part of the database alone,
# as is usual for a large one.
. ./cached.sh
programs=/usr/lib/postgresql/15/bin
tar xf data.tar
"$2" $(find data/base data/global -type f -size +0)
chown -R user data
as_user() {
	su user -s /bin/sh -c "export PATH=$programs:\$PATH PGHOST=/tmp; $1"
}
as_user "pg_ctl -D data -o '-k /tmp -c shared_buffers=2MB -c synchronous_commit=$1' \
	-l /tmp/log -w start" >/tmp/said || { cat /tmp/log; exit 1; }
as_user "pgbench -n -t 100 --random-seed=1 bench" >/tmp/said
./region begin
as_user "pgbench -n -t $3 --random-seed=2 bench && psql -q -c checkpoint bench" >/tmp/said
./region end
cat /tmp/said
as_user "pg_ctl -D data -m fast stop" >/tmp/said
