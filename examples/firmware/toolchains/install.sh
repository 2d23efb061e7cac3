#!/bin/sh
# Installs Debian packages unless a command succeeds already; one at a time, however many of these run.
#
#   sh install.sh LOCK-FILE TEST PACKAGE...        TEST: a line of shell that is true once they are there
set -u
lock=$1 have=$2
shift 2
if sh -c "$have" > /dev/null 2>&1; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then sudo=env
elif sudo -n true 2> /dev/null; then sudo=sudo
else
  echo "This target needs: sudo apt-get install $*" >&2
  exit 1
fi
exec 9> "$lock"
flock 9
if sh -c "$have" > /dev/null 2>&1; then exit 0; fi
echo "installing $*"
$sudo apt-get -q update < /dev/null && $sudo DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends \
  -o DPkg::Lock::Timeout=600 "$@" < /dev/null 9>&- || exit 1
sh -c "$have" > /dev/null 2>&1 || { echo "installed $*, but this fails still: $have" >&2; exit 1; }
