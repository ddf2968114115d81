# Sources the scripts "$1"/*.sh one after the other, as a login shell does, and reports the proxy variables after each.
# profile_scripts.ts runs it and reads the reports.
#
# Each script is sourced in its own shell, a child of the previous script's: so it sees everything set so far, and if it
# ends its shell (exit, exec, a signal), the previous shell continues without it. Each shell leads a process group, which
# can be killed together with everything that the script has started.
#
# Names start with cl__, since they share a namespace with the scripts. Functions are not used, because inside one,
# declarations of the scripts would be local. 86 is the exit status of a shell after which nothing is left to do.

exec {cl__reports}>&1 >/dev/null 2>&1
shopt -s nullglob
cl__files=("$1"/*.sh)
shopt -u nullglob
shift
cl__at=0

cl__report() {
  builtin printf '%s\0' "$1" "$BASHPID" "$cl__file" "$https_proxy" "$HTTPS_PROXY" "$no_proxy" "$NO_PROXY" >&"$cl__reports"
}

cl__next='
while [[ -v cl__files[cl__at] ]]; do
  cl__file=${cl__files[cl__at]}
  cl__at=$((cl__at + 1))
  [[ -r $cl__file ]] || continue
  set -m
  (
    set +m
    cl__report begins
    trap "eval \"\$cl__exited\"" EXIT
    . "$cl__file"
    eval "$cl__returned"
  ) &
  set +m
  wait $!
  [[ $? == 86 ]] && exit 86
  cl__report lost
done
cl__report end
kill -STOP "$BASHPID" # until all are killed, so that no process group number is reused before
exit 86
'

cl__exited='
trap - EXIT
set +eu
cl__report exited
eval "$cl__next"
'

cl__returned='
cl__status=$?
trap - EXIT
set +eu
if [[ $cl__status != 0 ]] && ! "$BASH" -n "$cl__file"; then cl__report unreadable; else cl__report returned; fi
eval "$cl__next"
'

eval "$cl__next"
