#!/bin/sh -e
# SPDX-License-Identifier: GPL-2.0-or-later
# A database of 32 MiB, on standard output: pages of 4 KiB, ten rows to a page.
sqlite3 base "PRAGMA page_size = 4096;
	CREATE TABLE account(id INTEGER PRIMARY KEY, balance INTEGER, note BLOB);
	WITH RECURSIVE ids(id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM ids LIMIT 81920)
	INSERT INTO account SELECT id, 1000000, zeroblob(380) FROM ids"
cat base
