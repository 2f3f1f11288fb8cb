# Looks once at all that this user's experiments have on a cluster, and ends what it is told to end.
#
# Set before: base (job_dir), ids (native ids, one a line, of what has left no evidence yet), accounting (no: there is
# none), cancels ("ID KEY HAS_BEGUN" a line), queue_format (of rows.py). A function `looks`, defined before, calls
# `look EXPERIMENT` with the names of the evidence that the client has on stdin.
#
# It prints sections, each after a line "<token> NAME": queue (squeue), accounts (sacct), cancelled (ids), trouble
# (what squeue or sacct said), evidence (a tar: <experiment>/slurm/begun/..., .../ended/..., result.json, error.json).
export LC_ALL=C TZ=UTC0
for name in $(env | sed -n 's/^\(SLURM_[A-Z0-9_]*\|SQUEUE_[A-Z0-9_]*\|SACCT_[A-Z0-9_]*\)=.*/\1/p'); do
  [ "$name" = SLURM_CONF ] || unset "$name"
done
section() { printf '\n%s %s\n' "$token" "$1"; }

# First what the jobs wrote, then the queue: what leaves the queue in between is asked for again next time.
look() {
  cd "$base/experiments/$1/slurm" 2>/dev/null || { cat >/dev/null; return; }
  { cat; echo ' '; for kind in begun ending ended; do ls $kind 2>/dev/null | sed "s,^,$kind/,"; done; } |
    awk -v own="$1" '
      $0 == " " { isNew = 1; next }
      !isNew { known[$0] = 1; next }
      $0 in known || /\/\./ { next }
      { print own "/slurm/" $0 }
      /^ended\// {
        name = substr($0, 7); n = match(name, /\.[0-9]+$/)
        job = own "/jobs/" substr(name, 1, n - 1)
        print job "/result.json"; print job "/attempt-" substr(name, n + 1) "/error.json"
      }'
}
new=$(looks)

section queue
queue=$(squeue --noheader --array --states=all --user="$(id -un)" --format="$queue_format" 2>&1)
if [ $? -ne 0 ]; then
  section trouble
  printf '%s\n' "$queue" | head -n 3
  queue=
else
  printf '%s\n' "$queue"
  if [ "$accounting" != no ] && [ -n "$ids" ]; then
    # What the queue does not know (any more), and who cancelled what it calls cancelled.
    missing=$({ printf '%s\n' "$queue"; echo ' '; printf '%s\n' "$ids"; } | awk -F'|' '
      $0 == " " { isId = 1; next }
      !isId { if ($2 != "CANCELLED") known[$1] = 1; next }
      !($1 in known)' | tr '\n' ',')
    if [ -n "$missing" ]; then
      section accounts
      accounts=$(sacct --noheader --parsable2 --jobs="${missing%,}" \
        --format=JobID,State,ExitCode,DerivedExitCode,Start,End,NodeList 2>&1)
      if [ $? -eq 0 ]; then
        for uid in $(printf '%s\n' "$accounts" | sed -n 's/.*|CANCELLED by \([0-9][0-9]*\)|.*/\1/p' | sort -u); do
          user=$(id -un "$uid" 2>/dev/null) && accounts=$(printf '%s\n' "$accounts" | sed "s/CANCELLED by $uid|/CANCELLED by $user|/")
        done
        printf '%s\n' "$accounts"
      else
        section no-accounts
        printf '%s\n' "$accounts" | head -n 3
      fi
    fi
  fi
  # Only what is ours: the id must be this user's job, and one of its marks ours (the same rules as QueueRow.is_of).
  mine=$({ printf '%s\n' "$queue"; echo ' '; printf '%s\n' "$cancels"; } | awk -v us="$(printf '\037')" '
    $0 == " " { isCancel = 1; next }
    !isCancel {
      id = $0; sub(/[|].*/, "", id)
      rest = $0; for (i = 0; i < 5; i++) sub(/^[^|]*[|]/, "", rest)
      sub(/[|][^|]*$/, "", rest)
      row[id] = rest
      if (sub(/[+].*/, "", id)) row[id] = rest
      next
    }
    function ends(text, end) { return length(text) >= length(end) && substr(text, length(text) - length(end) + 1) == end }
    $1 in row {
      split(row[$1], free, us); comment = free[4]; script = free[1]
      experiment = $2; sub(/\/.*/, "", experiment)
      unit = $2; sub(/^[^\/]*\//, "", unit)
      suffix = experiment; sub(/.*-/, "", suffix)
      if (ends(comment, "nemorun=" $2) || ends(script, "/experiments/" experiment "/slurm/" unit ".sh")) { print $1; next }
      if (comment ~ /nemorun=[^\/ ]+\/[^\/ ]+$/ || script ~ /\/experiments\/[^\/]+\/slurm\/[^\/]+\.sh$/) next
      if ($3 == "yes" || index(free[3] "/", "/experiments/" experiment "/") || ends(free[2], "." suffix)) print $1
    }')
  if [ -n "$mine" ]; then
    section cancelled
    if answer=$(scancel $mine 2>&1); then
      printf '%s\n' "$mine"
    else
      section trouble
      printf 'scancel: %s\n' "$answer" | head -n 3
    fi
  fi
fi

section evidence
if [ -n "$new" ]; then
  cd "$base/experiments" &&
    printf '%s\n' "$new" | tr '\n' '\0' |
    xargs -0 sh -c 'find "$@" -maxdepth 0 -type f -size -2048k -print0 2>/dev/null' sh |
      tar --null --no-recursion -T - -cf - 2>/dev/null
fi
exit 0
