# Runs one throwaway Postgres in a folder of its own, for the process that
# holds the other end of standard input. Reads a command a line, answers "ok"
# or "failed". When standard input ends, and so also when that process is
# killed, it stops the server and removes the folder.
#
# Arguments: the folder of Postgres' programs, "on" or "off" for fsync.
bin=$1 fsync=$2

# Nobody may be left to read an answer, and only the end of input ends this.
trap '' PIPE HUP INT TERM
umask 077
# The path of a socket has at most 107 bytes.
parent=${TMPDIR:-/tmp}
if [ ${#parent} -gt 70 ] || [ ! -w "$parent" ]; then parent=/tmp; fi
dir=$(mktemp -d "$parent/pgcluster.XXXXXX") || exit 1
echo "$dir"

# init PASSWORD [OPTION…] makes the server, with initdb's options.
init() {
	printf '%s' "$1" >"$dir/password" && shift &&
		"$bin/initdb" --pgdata="$dir/data" --username=postgres --pwfile="$dir/password" \
			--auth=scram-sha-256 --no-sync "$@" &&
		rm "$dir/password" &&
		cat >>"$dir/data/postgresql.conf" <<-END
			listen_addresses = ''
			unix_socket_directories = '$dir'
			port = 5432
			max_connections = 100
			shared_buffers = 64MB
			fsync = $fsync
			full_page_writes = $fsync
		END
}

# copy FOLDER PASSWORD makes the server as a standby of the one whose socket is in a folder.
copy() {
	PGPASSWORD=$2 "$bin/pg_basebackup" --pgdata="$dir/data" --host="$1" --username=postgres \
		--write-recovery-conf --checkpoint=fast --no-sync &&
		echo "unix_socket_directories = '$dir'" >>"$dir/data/postgresql.conf"
}

run() {
	case $1 in
	init) init $2 ;; # in words
	copy) copy $2 ;;
	promote) "$bin/pg_ctl" --pgdata="$dir/data" --wait promote ;;
	start) "$bin/pg_ctl" --pgdata="$dir/data" --log="$dir/log" --wait start ;;
	stop) "$bin/pg_ctl" --pgdata="$dir/data" --mode=immediate --wait stop ;;
	*) false ;;
	esac
}

while read -r command argument; do
	if run "$command" "$argument" </dev/null >>"$dir/log" 2>&1; then echo ok; else echo failed; fi
done
run stop </dev/null >>"$dir/log" 2>&1
rm -rf "$dir"
