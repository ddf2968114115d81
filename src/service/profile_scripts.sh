# Reads the scripts "$1"/*.sh one after the other, as a login shell does, and reports what each has made of the proxy's
# variables. profile_scripts.ts runs it and reads the reports.
#
# Each script is read by a shell of its own, a child of the one that read the script before: so it has all that was set
# so far, and when it ends its shell (exit, exec, a signal) the shell before goes on without it. Each such shell leads a
# process group of its own, which can be killed with all that the script has started.
#
# Names begin with cl__, since the scripts share them. Nothing is done in functions: there, what scripts declare would be
# local. 86 is the exit status of a shell after which nothing is left to do.

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
kill -STOP "$BASHPID" # until all are killed: no number of a process group is given out again before
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
