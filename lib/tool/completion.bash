# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion of kipc(1).

# Anybody gives names, and compgen -W runs what stands in $(): those with such are left out.
_kipc_names() {
	kipc ls --json 2>/dev/null |
		LC_ALL=C sed -n 's/^ *"name": "\([A-Za-z0-9_][A-Za-z0-9_.:@%+=,-]*\)",$/\1/p'
}

_kipc() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local commands="ls show tree monitor top latency create rm chmod chown limits send recv cat
		call serve pipe doctor"
	local kinds="mailbox queue pipe service memory semaphores"
	local events="created opened unlinked removed ended limit died busy dropped"
	local words=

	if [[ $COMP_CWORD = 1 ]]; then
		words=$commands
	else
		case $before in
		-k | --kind | create) words=$kinds ;;
		-e | --event) words=$events ;;
		-s | --sort) words="id name kind waiting holds in age" ;;
		*)
			case ${COMP_WORDS[1]} in
			show | latency | rm | chmod | chown | send | recv | cat | call | serve)
				words=$(_kipc_names)
				;;
			limits) words="objects= bytes= waiters= carried= memory=" ;;
			esac
			;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words --help" -- "$word")
}

complete -F _kipc kipc
