#!/bin/sh -e
# SPDX-License-Identifier: GPL-2.0-or-later
# tree.sh clone|pack|unpack: a tree of some thousand files is cloned by git, packed by tar or unpacked, and
# synced.
tar xf tree.tar
sync
case $1 in
clone) work() { git -c pack.threads=1 clone -q --no-local tree copy; } ;;
pack) work() { tar cf packed.tar tree; } ;;
unpack) work() { mkdir copy && tar xf tree.tar -C copy; } ;;
esac
./region begin
work
sync
./region end
