#!/bin/sh -e
# SPDX-License-Identifier: GPL-2.0-or-later
# sqlite.sh JOURNAL SYNCHRONOUS written|read_in WARM COUNTED: transactions of one UPDATE of one
# random row each, which changes it, or nothing would be written. What is counted comes after the
# shell's chdir and before the next process that it starts.
. ./cached.sh
"$3" base
awk -v "journal=$1" -v "synchronous=$2" -v "warm=$4" -v "counted=$5" 'BEGIN {
	print "PRAGMA journal_mode = " journal "; PRAGMA synchronous = " synchronous ";"
	srand(1)
	for (i = 0; i < warm + counted; i++) {
		if (i == warm)
			print ".cd ."
		printf "UPDATE account SET balance = balance + %d WHERE id = %d;\n", \
			1 + rand() * 500, rand() * 81920
	}
	print ".system true"
}' >/tmp/sql
sqlite3 base </tmp/sql >/tmp/said
