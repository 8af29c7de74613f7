# Runs Patroni, or its voter, for the process that holds the other end of standard
# input, and writes its process number into a file. When standard input ends, and so
# also when that process is killed, it ends the program and the server.
#
# Arguments: the folder of Postgres' programs, the member's folder, the program.
bin=$1 dir=$2 program=$3
trap '' PIPE HUP INT TERM
umask 077
"$program" "$dir/config" </dev/null >>"$dir/log" 2>&1 &
echo $! >"$dir/pid"
cat >/dev/null
kill $! 2>/dev/null
wait $!
[ ! -e "$dir/data/postmaster.pid" ] || "$bin/pg_ctl" --pgdata="$dir/data" --mode=immediate --wait stop >>"$dir/log" 2>&1
