# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by the loads: files that are in the page cache as they were written, or as they were read.

# written FILE...: by writes of 2 MiB, as a database is restored, and clean afterwards.
written() {
	for file; do
		dd if="$file" of="$file.new" bs=2M 2>/dev/null
		mv "$file.new" "$file"
	done
	sync
}

# read_in FILE...: by readahead, from their begin to their end.
read_in() {
	written "$@"
	echo 3 >/proc/sys/vm/drop_caches
	cat "$@" >/dev/null
}
