#!/bin/sh -e
# SPDX-License-Identifier: GPL-2.0-or-later
# The modules of Perl as a repository of git with its work tree, as a tar on standard output.
cp -rL /usr/share/perl/5.36 tree
cd tree
{
	git init -q
	git -c gc.auto=0 -c pack.threads=1 add .
	git -c user.name=nobody -c user.email=nobody -c gc.auto=0 commit -q -m everything
} >&2
cd ..
tar cf - tree
