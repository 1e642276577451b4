# Waits for the death of the process that writes to standard input, then kills
# the server it named last and removes the directories it was given.
trap '' HUP INT TERM
pid=0
while read -r word; do
	case $word in
	goodbye) exit 0 ;;
	*) pid=$word ;;
	esac
done

# Direct children of a process. ps may be missing, /proc may not exist.
children() {
	cat "/proc/$1/task/$1/children" 2>/dev/null && return
	ps -A -o pid= -o ppid= 2>/dev/null | awk -v parent="$1" '$2 == parent { print $1 }'
}

# A zombie counts as gone: in a container nobody may come to collect it.
alive() {
	state=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null || ps -o stat= -p "$1" 2>/dev/null)
	case $state in
	'' | Z*) return 1 ;;
	esac
}

if [ "$pid" -gt 1 ] 2>/dev/null; then
	kids=$(children "$pid")
	# The server's own immediate shutdown gives the shared memory back. It may be paused.
	kill -QUIT "$pid" 2>/dev/null
	# shellcheck disable=SC2086
	kill -CONT "$pid" $kids 2>/dev/null
	n=0
	while alive "$pid" && [ "$n" -lt 100 ]; do
		sleep 0.1
		n=$((n + 1))
	done
	# shellcheck disable=SC2086
	kill -KILL "$pid" $kids 2>/dev/null
	kill -s KILL -- "-$pid" 2>/dev/null # what a pooler was just forking
fi

# What a killed server left of its System V shared memory is named in its lock file.
segment=$(sed -n 7p "$1/data/postmaster.pid" 2>/dev/null | awk '{ print $2 }')
[ -z "$segment" ] || ipcrm -m "$segment" 2>/dev/null

# A killed pooler names its segments nowhere.
if [ "$pid" -gt 1 ] 2>/dev/null && ! alive "$pid"; then
	for segment in $(awk -v maker="$pid" '$5 == maker { print $2 }' /proc/sysvipc/shm 2>/dev/null); do
		ipcrm -m "$segment" 2>/dev/null
	done
fi

# A dying initdb may still be writing.
for dir; do
	n=0
	while [ -e "$dir" ] && [ "$n" -lt 50 ]; do
		rm -rf "$dir"
		[ -e "$dir" ] && sleep 0.1
		n=$((n + 1))
	done
done
