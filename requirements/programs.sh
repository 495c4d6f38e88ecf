#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What the machine itself has to have: sh requirements/programs.sh run|build|check|test|test-long
#
# Where there are dpkg and apt-get, root gets the Debian packages that are missing and anyone else
# the one line that installs them. Elsewhere each program is looked for, and what is not found is
# named in general words. Exits 2 where something is missing and was not installed.
set -eu

PATH=$PATH:/usr/sbin:/sbin
packages=
missing=

# need PACKAGES WORDS COMMAND...: what the packages are called elsewhere, and what succeeds where
# it is there.
need() {
    packages="$packages $1"
    words=$2
    shift 2
    [ -n "$debian" ] || "$@" >/dev/null 2>&1 || missing="$missing
  $words"
}

found() {
    for program; do
        command -v "$program" || return
    done
}

links() {
    printf '%s\n' "$1" | cc -x c - -o /dev/null $2
}

qemu() {
    qemu-system-x86_64 --version | sed -n 's/.*version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p' | {
        read -r major minor && [ "$major" -gt 7 ] || { [ "$major" = 7 ] && [ "$minor" -ge 2 ]; }
    }
}

for_runs() {
    need 'python3 python3-venv' 'Python 3.11 or newer, with its venv module' \
        python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))'
    need 'gcc libc6-dev' 'a C compiler (cc) and a static C library' \
        links 'int main(void) { return 0; }' -static
    need qemu-system-x86 'QEMU 7.2 or newer for x86_64 (qemu-system-x86_64)' qemu
    need e2fsprogs 'e2fsprogs (mkfs.ext4, e2fsck)' found mkfs.ext4 e2fsck
    need util-linux 'util-linux (setpriv)' found setpriv
    need zstd zstd found zstd
}

for_builds() {
    for_runs
    need 'make flex bison bc perl git' 'make, flex, bison, bc, perl and git' \
        found make flex bison bc perl git
    need libelf-dev 'the headers of libelf' links '#include <gelf.h>
int main(void) { return elf_version(EV_CURRENT) == EV_NONE; }' -lelf
    need ccache ccache found ccache
}

for_checks() {
    for_builds
    need binutils 'binutils (nm, objdump)' found nm objdump
    need 'gpg gpg-agent' 'GnuPG (gpg, gpg-agent)' found gpg gpg-agent gpgconf
    need lz4 lz4 found lz4
    need mount 'mount and umount' found mount umount
    need procps 'procps (pgrep)' found pgrep
    need 'xfsprogs btrfs-progs' 'mkfs.xfs and mkfs.btrfs' found mkfs.xfs mkfs.btrfs
    need 'groff-base man-db' 'groff and man' found groff man
    need 'bash zsh fish' 'bash, zsh and fish' found bash zsh fish
}

for_tests() {
    for_checks
    need 'chromium chromium-driver' 'Chromium and chromedriver' found chromium chromedriver
}

for_long_tests() {
    for_tests
    need 'buildah mmdebstrap' 'buildah and mmdebstrap' found buildah mmdebstrap
}

debian=$(command -v dpkg-query && command -v apt-get || true)
case ${1-} in
    run) for_runs ;;
    build) for_builds ;;
    check) for_checks ;;
    test) for_tests ;;
    test-long) for_long_tests ;;
    *) sed -n '3s/# //p' "$0" >&2; exit 2 ;;
esac

if [ -z "$debian" ]; then
    [ -z "$missing" ] || { printf 'This machine lacks, for make %s:%s
Install them with its package manager; make finds them by their commands on PATH.\n' \
        "$1" "$missing" >&2; exit 2; }
    exit 0
fi

missing=$(for package in $packages; do
    dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q ' installed$' || echo "$package"
done)
[ -n "$missing" ] || exit 0
set -- apt-get install -y --no-install-recommends $missing
[ "$(id -u)" = 0 ] || { echo "missing packages; as root, run: $*" >&2; exit 2; }
apt-get update -qq
DEBIAN_FRONTEND=noninteractive exec "$@"
