# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the scripts share: messages, places, jobs, kernels.  To be sourced:
#
#	. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
#
# After that the working directory is still the caller's, and these are set:
#
#	root	the top of the source tree
#	build	where everything is built
#	cache	what scripts/setup fetched; KIPC_CACHE moves it

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/.build
cache=${KIPC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kipc}

# shellcheck disable=SC2034  # Used by those who source this.
kselftest=$cache/src/tools/testing/selftests
# shellcheck disable=SC2034
kernel_names=(cloud generic rt 6.12-cloud 6.12 6.12-rt)
# shellcheck disable=SC2034
default_kernels=(cloud 6.12-cloud)
# shellcheck disable=SC2034
debug_kernels=(kasan kcsan)

# What messages begin with: the script's name, or its directory's if it is "run".
self=${0##*/}
[[ $self != run ]] || self=$(basename "$(dirname "$(realpath "$0")")")

# Progress goes to stderr: stdout belongs to the result.
note() {
	printf '%s: %s\n' "$self" "$*" >&2
}

die() {
	note "$*"
	exit 1
}

# Prints the comment at the head of a script, which is its manual.
usage() {
	sed -n '/^# SPDX/d; 2,/^[^#]/{/^#/!q; s/^# \{0,1\}//p}' "$0"
}

# DOC: What is interrupted leaves nothing behind
#
# A script that starts virtual machines, or scripts that do, calls end_jobs_at_exit
# early.  Then, whatever ends it, an error or a signal (but SIGKILL), all of its
# descendants are ended, and its function clean_up, if it has one, is called.  What
# takes long it runs as `await COMMAND...`, or in the background until a `wait`: bash
# heeds a signal only while it waits, not while a command is in the foreground.
end_jobs_at_exit() {
	trap end_jobs EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

await() {
	"$@" &
	wait $!
}

# Those in the background ignore SIGINT.
end_jobs() {
	local pids tries=100

	trap '' INT TERM HUP
	mapfile -t pids < <(descendants)
	kill -TERM "${pids[@]}" 2>/dev/null || true
	while kill -0 "${pids[@]}" 2>/dev/null; do
		[[ $((tries--)) != 0 ]] ||
			kill -KILL "${pids[@]}" 2>/dev/null || true
		sleep 0.1
	done
	! declare -F clean_up >/dev/null || clean_up
}

# Of this script, those who ask among them.
descendants() {
	ps -e -o ppid=,pid= | awk -v top=$$ '
		function tell(pid, list, n, i) {
			n = split(children[pid], list)
			for (i = 1; i <= n; i++) {
				print list[i]
				tell(list[i])
			}
		}
		{ children[$1] = children[$1] " " $2 }
		END { tell(top) }'
}

debug_kernel() {
	[[ " ${debug_kernels[*]} " = *" $1 "* ]]
}

# testkernel_key NAME: stands for all that a debug kernel is made from.
testkernel_key() {
	{
		cat "$root/scripts/testkernel.d"/{common,"$1"}.config
		cat "$root/scripts/testkernel"
		dpkg-query -W -f '${Version}\n' linux-source-6.1
		gcc --version
	} | sha256sum | cut -c 1-12
}

# kernel_dir NAME: where setup or testkernel puts the kernel.  In it are vmlinuz,
# config, release (a file with the name of the release), headers (to build modules
# against), modules/ (drivers for the virtual machine, which loads those that the
# file order there names) and, if it needs more than others, boot (words for its
# command line) and memory (how much).  A kernel from elsewhere can be put there by
# hand under a name of its own.
kernel_dir() {
	if debug_kernel "$1"; then
		printf '%s\n' "$cache/testkernels/$1-$(testkernel_key "$1")"
	else
		printf '%s\n' "$cache/kernels/$1"
	fi
}

kernel_ready() {
	[[ -e $(kernel_dir "$1")/vmlinuz ]]
}

# known_kernel NAME: says so if there is none of that name.
known_kernel() {
	local known="${kernel_names[*]} ${debug_kernels[*]}"

	[[ " $known " = *" $1 "* ]] || kernel_ready "$1" || {
		note "there is no kernel '$1': choose among $known"
		return 1
	}
}

# Fetches or builds the kernel if it is not there.
need_kernel() {
	known_kernel "$1" || return
	if kernel_ready "$1"; then
		return
	elif debug_kernel "$1"; then
		"$root/scripts/testkernel" "$1"
	else
		"$root/scripts/setup" --kernel "$1"
	fi
}

kernel_release() {
	cat "$(kernel_dir "$1")/release"
}

# kernel_id NAME: stands for what modules for that kernel are built against.
kernel_id() {
	printf '%s %s\n' "$(kernel_dir "$1")" "$(kernel_release "$1")"
}

# module_stale NAME: whether the module has to be built for that kernel.
module_stale() {
	local ko=$build/$1/kipc.ko

	[[ ! -e $ko || $(cat "$build/$1/kernel") != "$(kernel_id "$1")" ]] ||
		[[ -n $(find "$root"/{Kbuild,module,uapi} -newer "$ko" \
			-print -quit) ]]
}

# settings KERNEL: how much the tests do there, as words for env.  It is what the
# environment says, else what stands here; of that debug kernels, which are slow, get
# a part, in percent, and more time.
settings() {
	local name value percent stress=20

	[[ $1 != cloud && $1 != kasan ]] || stress=120
	while read -r name value percent; do
		value=${!name:-$value}
		! debug_kernel "$1" || value=$((value * percent / 100))
		printf '%s=%d\n' "$name" $((value > 0 ? value : 1))
	done <<-END
		KIPC_KILLS 3000 10
		KIPC_RELOADS 40 13
		KIPC_STEP 4 100
		KIPC_NAMES 20000 10
		KIPC_EFFORT 100 25
		KIPC_STRESS $stress 100
		KIPC_TEST_TIMEOUT 300 300
	END
}

# run_programs KERNEL OUT [PROGRAM]...: the programs of selftests, all or these, in a
# virtual machine.  OUT gets its kernel log, and what the kernel has counted.  Leaks are
# looked for by the machine, when it has unloaded the module.
run_programs() {
	local kernel=$1 out=$2 options=() words

	shift 2
	mapfile -t words < <(settings "$kernel")
	rm -rf "$out"
	# The kernel's own races are to be left out first: see selftests/run.
	[[ $kernel != kcsan ]] || options=(--append kcsan.early_enable=0)
	"$root/scripts/vm" run --kernel "$kernel" --insmod selftest=1 --mem 1G "${options[@]}" \
		--timeout 4800 --out "$out" --in "$build/selftests" \
		--in "$build/lib/examples" --in "$build/lib/tool" --in "$build/$kernel/kipc.ko" -- \
		env KIPC_COVERAGE=y KIPC_LEAKS=n "${words[@]}" selftests/run "$@"
}
