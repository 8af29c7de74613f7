# Runs PgBouncer for the process that holds the other end of standard input. When that
# ends, and so also when that process is killed, it ends PgBouncer at once.
#
# Arguments: the program, the folder of its configuration.
program=$1 dir=$2
trap '' PIPE HUP INT TERM
umask 077
"$program" "$dir/pgbouncer.ini" </dev/null >>"$dir/log" 2>&1 &
cat >/dev/null
kill $! 2>/dev/null
wait $!
