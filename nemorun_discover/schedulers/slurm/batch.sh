# What every batch script of nemorun sources: begin, start, wait, and leave evidence. Bash >= 4.4.
#
# The script says in variables what it is:
#   nemorun_experiment      the experiment's folder on the cluster
#   nemorun_first_attempt   number of the first attempt; Slurm's restarts are counted from it
#   nemorun_results_file    a file that gets a line for every attempt that ends; empty for none
#   nemorun_timeout_s       limit of the attempt in seconds; empty for none but Slurm's own
# and then calls
#   nemorun_begin SLUG...           take these jobs' attempts, or end at once where another has them
#   nemorun_enter SLUG ROOT [PACKAGE]    make the job's checkout, unless it is there, and go to the project's root
#   nemorun_environment SLUG EXECUTOR    the job's variables, and its secrets
#   nemorun_start SLUG COMMAND...   start the job's step in the background
#   nemorun_end [POLICY SECONDS]    wait for all of them, write how they ended, exit with the worst
#
# Evidence, by <slug>.<attempt>, in slurm/ of the experiment's folder:
#   begun/    written once, by who has the attempt: that is what makes it run once
#   ending/   what was known when Slurm announced the end; counts where nothing else was written
#   ended/    how it ended, the same as exit.json in the attempt's folder

declare -A nemorun_pids=() nemorun_attempts=() nemorun_starts=() nemorun_stops=()
declare -A nemorun_commands=() nemorun_losses=() nemorun_until=() # of the jobs' steps; how often the controller was away
# shellcheck disable=SC2154
: "${nemorun_experiment:?}" "${nemorun_first_attempt:?}"
nemorun_slugs=()         # jobs whose attempts this script has
nemorun_stopping=        # why Slurm, or the time limit, ends all of this
nemorun_requeued=null    # whether Slurm starts the job again by itself
nemorun_signalled=       # a trap ran while something was waited for
nemorun_worst=0
nemorun_helpers=()       # processes beside the jobs
nemorun_splits_errors=${nemorun_splits_errors:-}
readonly nemorun_grace_s=10 nemorun_tail_bytes=65536 nemorun_again_s=5 nemorun_patience_s=900

nemorun_note() { echo "nemorun: $*" >&2; }

nemorun_now() { date -u +%Y-%m-%dT%H:%M:%S.%6NZ; }

# nemorun_field NAME FILE: a text out of JSON that nemorun wrote; nothing where there is none.
nemorun_field() { sed -n "s/.*\"$1\": \"\([^\"]*\)\".*/\1/p" "$2" 2>/dev/null; }

# The line of a file of slugs that is this task's of an array.
nemorun_job_of_task() { sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" "$1"; }

nemorun_folder() { echo "$nemorun_experiment/jobs/$1/attempt-${nemorun_attempts[$1]}"; }

nemorun_begin() {
  local slug
  { set +x; } 2>/dev/null
  nemorun_patiently mkdir -p "$nemorun_experiment/slurm"/{begun,ending,ended} || exit 73
  trap nemorun_on_exit EXIT
  for slug in "$@"; do
    nemorun_attempts[$slug]=$((nemorun_first_attempt + ${SLURM_RESTART_COUNT:-0}))
    nemorun_patiently mkdir -p "$(nemorun_folder "$slug")" "$nemorun_experiment/jobs/$slug/outputs" || exit 73
    nemorun_claim "$slug" || exit
    nemorun_slugs+=("$slug")
  done
  nemorun_native_log=$(readlink /proc/$$/fd/2 2>/dev/null)
  nemorun_log_start=$(stat -c %s "$nemorun_native_log" 2>/dev/null || echo 0)
  if [ "${SLURM_RESTART_COUNT:-0}" -gt 0 ]; then
    for slug in "$@"; do nemorun_close_earlier "$slug"; done
    [ $# -gt 1 ] || nemorun_own_log "$1"
  fi
  trap nemorun_on_term TERM
  [ -z "${nemorun_timeout_s:-}" ] || nemorun_limit_time
}

# nemorun_patiently COMMAND...: again, with growing pauses, while there is no room on the disk, or this node is short of
# memory, processes or descriptors (the list of shortage.py); in a shell of its own. The command's own code else.
nemorun_patiently() {
  local said rc pause=1 told=
  while :; do
    said=$(LC_ALL=C "$@" 2>&1 >/dev/null)
    rc=$?
    [ "$rc" -ne 0 ] || return 0
    case $said in
      *"No space left on device"* | *"Disk quota exceeded"* | *"Cannot allocate memory"* | \
        *"Resource temporarily unavailable"* | *"Too many open files"*) ;;
      *) [ -z "$said" ] || echo "$said" >&2; return "$rc" ;;
    esac
    [ -n "$told" ] || nemorun_note "$said; this waits until that is over"
    told=1
    nemorun_pause "$pause"
    [ "$pause" -ge 16 ] || pause=$((pause * 2))
  done
}

# Exactly one script gets an attempt, however often it was submitted. 0: this one.
nemorun_claim() {
  local slug=$1 key draft place has
  key=$slug.${nemorun_attempts[$slug]}
  place=$nemorun_experiment/slurm/begun/$key
  if [ -e "$nemorun_experiment/slurm/cancelled/$key" ]; then
    nemorun_note "the attempt was cancelled before anybody knew of job $(nemorun_native_id); it ends"
    trap - EXIT
    exit 0
  fi
  draft=$nemorun_experiment/slurm/begun/.$key.$SLURM_JOB_ID.$$
  nemorun_starts[$slug]=$(nemorun_now)
  nemorun_patiently nemorun_write_claim "$slug" "$draft" || { nemorun_note "$draft cannot be written"; exit 73; }
  # A hard link is whole from its first moment, and its count is right even where NFS lost the answer; on a file
  # system without them, the file that only one can create.
  if nemorun_patiently ln "$draft" "$place" 2>/dev/null || [ "$(stat -c %h "$draft" 2>/dev/null)" = 2 ] ||
    { [ ! -e "$place" ] && (set -C; : >"$place") 2>/dev/null && nemorun_patiently cp "$draft" "$place"; }; then
    rm -f "$draft"
    return 0
  fi
  rm -f "$draft"
  for _ in 1 2 3 4 5; do # without hard links, the one who has it may still be writing
    has=$(nemorun_field native_id "$place")
    if [ -n "$has" ] || [ ! -e "$place" ]; then break; fi
    sleep 0.2
  done
  if [ -z "$has" ]; then nemorun_note "$place cannot be written"; exit 73; fi
  nemorun_note "job $(nemorun_native_id) was submitted for an attempt that job $has has; it ends"
  trap - EXIT
  exit 0
}

nemorun_write_claim() {
  printf '{"native_id": "%s", "host": "%s", "started_at": "%s", "attempt": %s}\n' \
    "$(nemorun_native_id)" "$HOSTNAME" "${nemorun_starts[$1]}" "${nemorun_attempts[$1]}" >"$2"
}

nemorun_native_id() {
  if [ -n "${SLURM_ARRAY_JOB_ID:-}" ]; then echo "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"; else echo "$SLURM_JOB_ID"; fi
}

# Slurm started the job again: the attempt before has ended, whatever it could still write of it.
nemorun_close_earlier() {
  local slug=$1 before=$((nemorun_attempts[$1] - 1)) known
  [ "$before" -ge "$nemorun_first_attempt" ] || return 0
  [ ! -e "$nemorun_experiment/slurm/ended/$slug.$before" ] || return 0
  known=$nemorun_experiment/slurm/ending/$slug.$before
  if [ ! -e "$known" ]; then
    local begun=$nemorun_experiment/slurm/begun/$slug.$before started
    started=$(nemorun_field started_at "$begun")
    HOSTNAME=$(nemorun_field host "$begun") \
      nemorun_document null null REQUEUED "${started:+\"$started\"}" null "$before" true >"$known"
  fi
  nemorun_patiently nemorun_put "$known" "$nemorun_experiment/jobs/$slug/attempt-$before/exit.json"
  nemorun_patiently nemorun_put "$known" "$nemorun_experiment/slurm/ended/$slug.$before"
}

# Slurm goes on writing into the first attempt's log; every attempt keeps its own.
nemorun_own_log() {
  local folder
  folder=$(nemorun_folder "$1")
  if [ -n "$nemorun_splits_errors" ]; then exec >>"$folder/log" 2>>"$folder/log.err"; else exec >>"$folder/log" 2>&1; fi
}

# Each job has a checkout of its own, made where it runs: hard links of the package's read-only files, in directories
# of its own, which it may write to. A later attempt finds what the one before has left there.
nemorun_enter() {
  local folder=$nemorun_experiment/jobs/$1 root=$2 package=${3:-} half
  case $root in
    /*) ;;
    *)
      root=$folder/$root
      [ -n "$package" ] || mkdir -p "$root" # nothing was sent: a directory to work in is all there is
      ;;
  esac
  if [ -n "$package" ] && [ ! -d "$folder/code" ]; then
    package=${nemorun_experiment%/experiments/*}/packages/code/$package
    half=$folder/.code.$SLURM_JOB_ID.$$
    cp -al "$package" "$half" 2>/dev/null || { rm -rf "$half" && cp -a "$package" "$half"; } ||
      { nemorun_note "$package cannot be laid out as $folder/code"; exit 73; }
    mv -T "$half" "$folder/code" 2>/dev/null || [ -d "$folder/code" ] || { nemorun_note "$folder/code cannot be made"; exit 73; }
    rm -rf "$half"
  fi
  cd "$root" || { nemorun_note "the project's root, $root, is not on $HOSTNAME"; exit 73; }
}

nemorun_environment() {
  { set +x; } 2>/dev/null
  # shellcheck disable=SC1090,SC1091
  source "$nemorun_experiment/jobs/$1/env.sh" || exit 78
  if [ -f "$nemorun_experiment/slurm/secrets/$1.sh" ]; then
    # shellcheck disable=SC1090,SC1091
    source "$nemorun_experiment/slurm/secrets/$1.sh" || exit 78
  fi
  export NEMORUN_ATTEMPT=${nemorun_attempts[$1]}
}

# The first host of a node list, as other nodes can reach it: by name where this one knows the name.
nemorun_head_of() {
  local name address
  name=$(scontrol show hostnames "$1" | head -n 1)
  if ! getent hosts "$name" >/dev/null 2>&1; then
    address=$(scontrol -o show node "$name" 2>/dev/null | sed -n 's/.* NodeAddr=\([^ ]*\).*/\1/p')
  fi
  echo "${address:-$name}"
}

# The logs, found in a folder of the user's too: <name>_<job>.out, for a member <name>_<job>_<member>.out.
nemorun_link_logs() {
  local folder=$1 name slug
  name=$2_$(nemorun_native_id)
  mkdir -p "$folder" || { nemorun_note "$folder cannot be made"; return 0; }
  [ "${SLURM_RESTART_COUNT:-0}" -eq 0 ] || name+=_$SLURM_RESTART_COUNT
  for slug in "${nemorun_slugs[@]}"; do
    [ ${#nemorun_slugs[@]} -eq 1 ] || name+=_$slug
    ln -sfn "$(nemorun_folder "$slug")/log" "$folder/$name.out"
    name=${name%"_$slug"}
  done
}

# nemorun_beside SLUG FILE COMMAND...: beside the jobs, ended with them, and nobody asks how.
nemorun_beside() {
  local file
  file=$(nemorun_folder "$1")/$2
  shift 2
  "$@" >"$file" 2>&1 &
  nemorun_helpers+=($!)
}

nemorun_start() {
  local slug=$1
  shift
  { set +eux; } 2>/dev/null  # whatever setup_lines wanted for themselves
  [ -z "$nemorun_stopping" ] || return 0
  nemorun_commands[$slug]=$(printf '%q ' "$@")
  nemorun_launch "$slug"
}

# nemorun_launch SLUG [SECONDS]: again, in so many seconds
nemorun_launch() {
  local command="nemorun_exec ${2:-0} ${nemorun_commands[$1]}"
  if [ ${#nemorun_slugs[@]} -gt 1 ]; then
    nemorun_patiently touch "$(nemorun_folder "$1")/log"
    eval "$command" >>"$(nemorun_folder "$1")/log" 2>&1 &
  else
    eval "$command" &
  fi
  nemorun_pids[$1]=$!
}

# The process becomes srun, so that a signal for it reaches that.
nemorun_exec() {
  if [ "$1" != 0 ]; then
    nemorun_note "srun did not reach Slurm's controller, and nothing has begun: it tries again in $1 s"
    sleep "$1"
  fi
  shift
  if [ "$(type -t "$1")" = function ]; then "$@"; else exec "$@"; fi
}

# nemorun_launch_again SLUG FOLDER EXIT_CODE
# While the controller is being restarted it gives no step, and srun gives up after seconds: nothing has run yet.
nemorun_launch_again() {
  local losses
  [ "$3" -ne 0 ] && [ -z "$nemorun_stopping${nemorun_stops[$1]:-}" ] && [ ! -e "$2/process.json" ] || return 1
  losses=$(cat "$2/log" "$2/log.err" 2>/dev/null | tail -c $nemorun_tail_bytes |
    grep -c '^srun: error: .*\(Unable to contact slurm controller\|Socket timed out\|Zero Bytes were transmitted\)')
  [ "$losses" -gt "${nemorun_losses[$1]:-0}" ] || return 1 # what srun said the last time was something else
  nemorun_losses[$1]=$losses
  : "${nemorun_until[$1]:=$((SECONDS + nemorun_patience_s))}"
  [ "$SECONDS" -lt "${nemorun_until[$1]}" ] || return 1
  nemorun_launch "$1" $nemorun_again_s
  [ -z "$nemorun_stopping" ] || nemorun_stop "$1" # a trap ran in between
  return 0
}

# A pause that traps do not have to wait for.
nemorun_pause() {
  sleep "$1" &
  local pid=$!
  while nemorun_signalled='' && ! wait "$pid" 2>/dev/null; do
    if [ -z "$nemorun_signalled" ] || [ -n "$nemorun_stopping" ]; then break; fi
  done
  kill "$pid" 2>/dev/null
}

# wait, as if no signal had come in between; the exit code of the process.
nemorun_await() {
  local rc
  while :; do
    nemorun_signalled=
    wait "$1" 2>/dev/null
    rc=$?
    [ -n "$nemorun_signalled" ] || return $rc
  done
}

nemorun_is_running() { case " $(jobs -rp | tr '\n' ' ') " in *" $1 "*) ;; *) return 1 ;; esac; }

nemorun_end() {
  local policy=${1:-all} look_s=${2:-1} slug
  { set +eux; } 2>/dev/null
  if [ ${#nemorun_pids[@]} -eq 1 ]; then
    for slug in "${!nemorun_pids[@]}"; do until nemorun_finish "$slug"; do :; done; done
  elif [ ${#nemorun_pids[@]} -gt 1 ]; then
    nemorun_watch_group "$policy" "$look_s"
  fi
  exit "$nemorun_worst"
}

# Each member's end is written down within a second; the policy is looked at every `look_s`.
nemorun_watch_group() {
  local policy=$1 look_s=$2 slug next_look=$SECONDS first='' failed='' stop
  while [ ${#nemorun_pids[@]} -gt 0 ]; do
    for slug in "${!nemorun_pids[@]}"; do
      nemorun_is_running "${nemorun_pids[$slug]}" && continue
      stop=${nemorun_stops[$slug]:-}
      nemorun_finish "$slug" || continue
      if [ -z "$stop" ]; then
        if [ -z "$first" ]; then first=$nemorun_last; next_look=$((SECONDS + ${look_s%.*})); fi
        [ "$nemorun_last" -eq 0 ] || failed=1
      fi
    done
    if [ "$SECONDS" -ge "$next_look" ] && [ -n "$first" ]; then
      next_look=$((SECONDS + ${look_s%.*}))
      case $policy in
        any_failed) [ -z "$failed" ] || nemorun_stop_members GROUP_FAILED ;;
        first_done) if [ "$first" -eq 0 ]; then nemorun_stop_members GROUP_DONE; else nemorun_stop_members GROUP_FAILED; fi ;;
      esac
    fi
    [ ${#nemorun_pids[@]} -eq 0 ] || nemorun_pause 1
  done
}

# TERM to the members that still run, and KILL to those that do not end within the grace.
nemorun_stop_members() {
  local slug
  for slug in "${!nemorun_pids[@]}"; do
    [ -z "${nemorun_stops[$slug]:-}" ] || continue
    nemorun_stops[$slug]=$1
    nemorun_stop "$slug"
  done
}

nemorun_stop() {
  local slug=$1
  nemorun_signal_step "$slug" TERM
  ( sleep $nemorun_grace_s; nemorun_signal_step "$slug" KILL ) >/dev/null 2>&1 &
  nemorun_helpers+=($!)
}

# Through Slurm, to every process of the step: srun itself turns TERM into KILL.
nemorun_signal_step() {
  local step
  step=$(nemorun_field step "$(nemorun_folder "$1")/process.json")
  if [ -n "$step" ]; then
    scancel --signal="$2" "$step"
  else
    kill -s "$2" "${nemorun_pids[$1]}" 2>/dev/null
  fi
}

# A signal for the batch script that is meant for its jobs (`signal = "B:USR1@60"`).
nemorun_forward() {
  # shellcheck disable=SC2064
  trap "nemorun_signalled=1; nemorun_to_all $1" "$1"
}

nemorun_to_all() {
  local slug
  for slug in "${!nemorun_pids[@]}"; do nemorun_signal_step "$slug" "$1"; done
}

nemorun_limit_time() {
  trap nemorun_on_time_over ALRM
  ( sleep "$nemorun_timeout_s"; kill -s ALRM $$ ) >/dev/null 2>&1 &
  nemorun_helpers+=($!)
}

nemorun_on_time_over() {
  local slug
  nemorun_signalled=1
  [ -z "$nemorun_stopping" ] || return 0
  nemorun_stopping=TIMEOUT
  nemorun_note "the time limit of $nemorun_timeout_s s is over"
  for slug in "${!nemorun_pids[@]}"; do nemorun_stop "$slug"; done
}

# Slurm ends the job: what is known is written at once, since KILL follows.
nemorun_on_term() {
  local slug why
  nemorun_signalled=1
  [ -z "$nemorun_stopping" ] || return 0
  why=$(nemorun_why)
  if [ -z "$why" ]; then nemorun_to_all TERM; return 0; fi
  nemorun_stopping=${why% *}
  nemorun_requeued=${why#* }
  for slug in "${nemorun_slugs[@]}"; do
    [ -z "${nemorun_attempts[$slug]}" ] || nemorun_write "$slug" ending null '"SIGTERM"' "$nemorun_stopping"
  done
}

# Two words: the reason, and whether the job starts again. Nothing where the job is not being ended.
nemorun_why() {
  local said shown reason=CANCELLED again=false restarts
  said=$(tail -c "+$((nemorun_log_start + 1))" "$nemorun_native_log" 2>/dev/null | tail -c $nemorun_tail_bytes |
    sed -n 's/^slurmstepd.*\*\*\* JOB [^ ]* ON [^ ]* CANCELLED AT [^ ]*\(.*\) \*\*\*.*/ENDED\1/p' | tail -n 1)
  shown=$(timeout 5 scontrol -o show job "$SLURM_JOB_ID" 2>/dev/null)
  case $shown in *" JobState=RUNNING "*) [ -n "$said" ] || return 0 ;; esac
  restarts=$(sed -n 's/.* Restarts=\([0-9]*\).*/\1/p' <<<"$shown" | head -n 1)
  if [ -n "$restarts" ] && [ "$restarts" -gt "${SLURM_RESTART_COUNT:-0}" ]; then reason=REQUEUED again=true; fi
  case $said in
    *PREEMPT*) reason=PREEMPTED ;;
    *"JOB REQUEUE"*) reason=REQUEUED again=true ;;
    *"TIME LIMIT"*) reason=TIMEOUT ;;
    *"NODE FAIL"*) reason=NODE_FAIL ;;
  esac
  case $shown in *" Reason=TimeLimit "*) reason=TIMEOUT ;; *" Reason=NodeDown "*) reason=NODE_FAIL ;; esac
  echo "$reason $again"
}

# Wait for one job, and write how it ended; its exit code is in nemorun_last. 1: it has not ended, and is started again.
nemorun_finish() {
  local slug=$1 rc code signal=null reason=null folder name stop
  nemorun_await "${nemorun_pids[$slug]}"
  rc=$?
  unset "nemorun_pids[$slug]"
  folder=$(nemorun_folder "$slug")
  if nemorun_launch_again "$slug" "$folder" "$rc"; then return 1; fi
  case $rc in 137 | 143) rc=$(nemorun_first_failure "$folder" $rc) ;; esac
  # The task has raised an exception, and an exit handler of its own left with 0 afterwards.
  if [ "$rc" -eq 0 ] && grep -qs '"is_final": true' "$folder/error.json"; then rc=1; fi
  code=$rc
  stop=${nemorun_stopping:-${nemorun_stops[$slug]:-}}
  if [ "$rc" -gt 128 ] && name=$(kill -l $((rc - 128)) 2>/dev/null) && [ -n "$name" ]; then
    code=null signal="\"SIG$name\"" reason=SIGNAL
  elif [ "$rc" -ne 0 ]; then
    reason=EXIT_CODE
  fi
  if [ -n "$stop" ]; then
    reason=$stop
    [ -e "$folder/process.json" ] || code=null # it never ran: the code is what srun made of its end
  elif nemorun_ran_out_of_memory "$rc" "$folder"; then
    reason=OUT_OF_MEMORY
  elif [ ! -e "$folder/process.json" ]; then
    # srun can say 0 of a step whose plugin or container never came up.
    reason=START_FAILED
    [ "$rc" -ne 0 ] || { rc=1 code=null; }
    nemorun_note "the job's step did not start: what srun said stands above"
  fi
  nemorun_write "$slug" ended "$code" "$signal" "$reason"
  nemorun_last=$rc
  [ "$reason" = GROUP_DONE ] || [ "$rc" -le "$nemorun_worst" ] || nemorun_worst=$rc
  return 0
}

# srun's code is the highest of its tasks', and so that of those it ended because one had failed.
nemorun_first_failure() {
  local file failures
  for file in "$1/log" "$1/log.err"; do
    failures=$(tail -c $nemorun_tail_bytes "$file" 2>/dev/null |
      sed -n 's/^srun: error: [^:]*: tasks\{0,1\} [^:]*: //p')
    case $failures in
      *"Exited with exit code"*) sed -n 's/^Exited with exit code //p' <<<"$failures" | head -n 1 && return ;;
      *"Segmentation fault"*) echo 139 && return ;;
      *Aborted*) echo 134 && return ;;
      *"Bus error"*) echo 135 && return ;;
      *"Floating point exception"*) echo 136 && return ;;
      *"Illegal instruction"*) echo 132 && return ;;
    esac
  done
  echo "$2"
}

# srun says 1, or 137, of a step that the kernel killed for its memory; only the text tells.
nemorun_ran_out_of_memory() {
  [ "$1" -ne 0 ] || return 1
  local file
  for file in "$2/log" "$2/log.err"; do
    tail -c $nemorun_tail_bytes "$file" 2>/dev/null | grep -q "oom.kill event.* in StepId=[0-9_+]*\." && return 0
  done
  return 1
}

# nemorun_write SLUG ending|ended EXIT_CODE SIGNAL REASON
nemorun_write() {
  local slug=$1 where=$2 attempt=${nemorun_attempts[$1]} draft
  draft=$nemorun_experiment/slurm/$where/.$slug.$attempt.$$
  set -- "$slug" "$draft" "$3" "$4" "$5" "\"${nemorun_starts[$slug]}\"" "\"$(nemorun_now)\"" "$attempt" "$nemorun_requeued"
  if [ "$where" = ending ]; then # in a trap, with KILL to follow: now or never
    nemorun_write_document "${@:2}" && mv -f "$draft" "$nemorun_experiment/slurm/ending/$slug.$attempt"
    return
  fi
  nemorun_patiently nemorun_write_document "${@:2}" || return
  nemorun_patiently nemorun_put "$draft" "$nemorun_experiment/jobs/$slug/attempt-$attempt/exit.json"
  nemorun_note_result "$slug" "$3" "$4" "$5"
  nemorun_patiently mv -f "$draft" "$nemorun_experiment/slurm/ended/$slug.$attempt"
}

# One line for every attempt: slug, attempt, job id, exit code, signal, reason.
nemorun_note_result() {
  [ -n "${nemorun_results_file:-}" ] || return 0
  local file=$nemorun_results_file
  case $file in /*) ;; *) file=$nemorun_experiment/jobs/$1/$file ;; esac
  echo "$1 ${nemorun_attempts[$1]} $(nemorun_native_id) $2 ${3//\"/} $4" >>"$file"
}

# nemorun_write_document FILE EXIT_CODE...
nemorun_write_document() { nemorun_document "${@:2}" >"$1"; }

# nemorun_document EXIT_CODE SIGNAL REASON STARTED_AT ENDED_AT ATTEMPT REQUEUED
nemorun_document() {
  local reason=null
  [ "$3" = null ] || reason="\"$3\""
  printf '{"schema": "nemorun.exit/1", "exit_code": %s, "signal": %s, "reason": %s, "started_at": %s, "ended_at": %s, "host": "%s", "native_id": "%s", "attempt": %s, "requeued": %s}\n' \
    "$1" "$2" "$reason" "${4:-null}" "$5" "$HOSTNAME" "$(nemorun_native_id)" "$6" "$7"
}

# A copy under a temporary name, then the name: whoever reads it reads all of it.
nemorun_put() {
  cp "$1" "$2.$$.tmp" && mv -f "$2.$$.tmp" "$2"
}

# However the script ends, the attempts it has are closed: setup_lines may have called exit.
nemorun_on_exit() {
  local rc=$? slug
  trap - EXIT
  for slug in "${nemorun_slugs[@]}"; do
    [ -e "$nemorun_experiment/slurm/ended/$slug.${nemorun_attempts[$slug]}" ] && continue
    [ "$rc" -ne 0 ] || rc=1
    nemorun_write "$slug" ended "$rc" null "${nemorun_stopping:-${nemorun_stops[$slug]:-START_FAILED}}"
  done
  for slug in "${nemorun_helpers[@]}"; do kill "$slug" 2>/dev/null; done
  exit "$rc"
}
