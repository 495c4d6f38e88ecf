#!/bin/sh -e
# SPDX-License-Identifier: GPL-2.0-or-later
# fio.sh BYTES SYNC written|read_in COUNTED: writes of so many bytes at random places of a file of
# 64 MiB, with fdatasync after every SYNCth, or never (0).
. ./cached.sh
dd if=/dev/zero of=file bs=2M count=32 2>/dev/null
"$3" file
fio --name=load --filename=file --size=64M --rw=randwrite --norandommap --randseed=1 \
	--bs="$1" --number_ios="$4" --fdatasync="$2" --ioengine=psync --thread --invalidate=0 \
	--exec_prerun='./region begin' --exec_postrun='./region end' >/tmp/said ||
	{ cat /tmp/said; exit 1; }
