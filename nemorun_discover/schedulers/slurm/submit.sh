# Puts an experiment's files and what they need on a cluster, then hands its batch scripts to sbatch.
#
# It may break off at any byte and be run again: what is there already is left as it is, and a script whose key is in
# the queue, or whose id was written down, is not handed over twice. It talks with the client over stdin and stdout.
#
# Set before: base (job_dir), exp (the experiment's id), runtime, batch (names below packages/), digests (of packages,
# "" for none), max_array ("" to ask), links ("name target" lines: folders that stand in for a package).
#
# It prints                                       and reads
#   base, home, sbatch, runtime, batch,
#   tree DIGEST yes|no, trees, max_array, go       one line "from NAME BASE" for each missing package, then "files",
#                                                  then a tar: package/NAME/..., gone/NAME, file/..., experiment/...;
#                                                  NAME is as much of a digest as names its code in an experiment
#   id UNIT ID | refused UNIT TEXT | unsure UNIT TEXT for every script in turn, or fail TEXT; then done.
own_umask=$(umask) # which jobs get, as sbatch gives them all that it finds here
umask 077
# What an allocation, or the user's own habits, would change in the job or in what is printed; SLURM_CONF names the cluster.
for name in $(env | sed -n 's/^\(SLURM_[A-Z0-9_]*\|SBATCH_[A-Z0-9_]*\|SRUN_[A-Z0-9_]*\|SQUEUE_[A-Z0-9_]*\|SACCT_[A-Z0-9_]*\|PMI[A-Z0-9_]*\)=.*/\1/p'); do
  [ "$name" = SLURM_CONF ] || unset "$name"
done

one_line() { tr '\n\t' '  ' <"$err" | cut -c 1-400; }
fail() { printf 'fail %s\n' "$1"; exit 3; }
first_line() { head -n 1 "$err" | cut -c 1-300; } # tar has one for each file
try() { "$@" 2>"$err" || fail "$base: $(first_line)"; }

# Others may write into /tmp, and a name that can be guessed may be a link of theirs by then.
err=$(mktemp "${TMPDIR:-/tmp}/nemorun-XXXXXXXX" 2>/dev/null) || err=$HOME/.nemorun-$$.err
incoming=
trap '[ "$err" = /dev/null ] || rm -f "$err"; [ -z "$incoming" ] || rm -rf "$incoming"' EXIT
trap 'exit 1' HUP INT PIPE TERM
touch "$err" 2>/dev/null || err=/dev/null

[ -d "$base" ] || try mkdir -p "$base"
folder=$base/experiments/$exp
try mkdir -p "$base/packages/code" "$folder/slurm/slots" "$folder/slurm/begun" "$folder/slurm/ended" \
  "$folder/slurm/secrets" "$folder/code"
printf 'base %s\nuser %s\nhost %s\n' "$base" "$(id -un)" "$(uname -n)"
command -v sbatch >/dev/null 2>&1 || fail "there is no sbatch on its PATH ($PATH)"
there() { if [ -e "$base/packages/$2" ]; then printf '%s yes\n' "$1"; else printf '%s no\n' "$1"; fi; }
there runtime "$runtime"
there batch "$batch"
missing=
for digest in $digests; do
  there "tree $digest" "code/$digest"
  [ -d "$base/packages/code/$digest" ] || missing="$missing $digest"
done
[ -z "$missing" ] || printf 'trees %s\n' "$(cd "$base/packages/code" && ls -t | head -n 50 | tr '\n' ' ')"
[ -n "$max_array" ] || max_array=$(scontrol show config 2>/dev/null | sed -n 's/^MaxArraySize *= *//p')
printf 'max_array %s\ngo\n' "$max_array"

# A package that is not there is laid out over the links of one that differs little.
incoming=$base/.incoming-$$-$(date +%s)
try mkdir "$incoming" "$incoming/package"
while IFS=' ' read -r word name other; do
  case $word in
    from)
      if [ -n "$other" ]; then
        try cp -al "$base/packages/code/$other" "$incoming/package/$name"
      else
        try mkdir "$incoming/package/$name"
      fi
      ;;
    files) break ;;
    *) exit 1 ;; # the client has gone
  esac
done
[ "$word" = files ] || exit 1
try tar -xpf - -C "$incoming"
[ -e "$incoming/whole" ] || exit 1 # the stream broke off

for file in "$incoming"/file/*; do
  [ ! -e "$file" ] || try mv -f "$file" "$base/packages/"
done
for digest in $missing; do
  name=$(printf '%.16s' "$digest")
  tree=$incoming/package/$name
  if [ -s "$incoming/gone/$name" ]; then
    (cd "$tree" && xargs -0 rm -f -- <"$incoming/gone/$name") 2>"$err" || fail "$(one_line)"
  fi
  # Another one may have brought it meanwhile: then it stays inside ours, and goes with it.
  [ -d "$base/packages/code/$digest" ] || mv -T "$tree" "$base/packages/code/$digest" 2>/dev/null ||
    [ -d "$base/packages/code/$digest" ] || fail "$base/packages/code/$digest cannot be made"
done
for digest in $digests; do
  name=$(printf '%.16s' "$digest")
  place=$folder/code/$name
  if [ ! -d "$place" ]; then
    half=$folder/code/.$name-$$
    cp -al "$base/packages/code/$digest" "$half" 2>"$err" || try cp -a "$base/packages/code/$digest" "$half"
    mv -T "$half" "$place" 2>/dev/null || [ -d "$place" ] || fail "$place cannot be made"
  fi
done
[ ! -d "$incoming/experiment" ] || (cd "$incoming/experiment" && tar -cf - .) | (cd "$folder" && tar -xpf - 2>"$err") ||
  fail "$(one_line)"
touch "$base/packages/$runtime" "$base/packages/$batch" 2>/dev/null
find "$base" -maxdepth 1 -name '.incoming-*' -mmin +1440 -exec rm -rf {} + 2>/dev/null

exec 9>"$folder/slurm/lock"
flock -w 100 9 2>/dev/null
queue=
waiting=$(while IFS='	' read -r unit key deps; do [ -s "$folder/slurm/$unit.id" ] || echo "$unit"; done <"$incoming/submit")
if [ -n "$waiting" ]; then
  queue=$(squeue --noheader --states=all --user="$(id -un)" --format='%F|%k' 9>&- 2>"$err") ||
    fail "squeue: $(one_line)"
fi
# The lowest id whose comment ends with the key.
own_id() { awk -F'|' -v key="$1" 'substr($0, length($0) - length(key) + 1) == key { print $1 }' | sort -n | head -n 1; }
ids=
number=0
while IFS='	' read -r unit key deps; do
  id=$(cat "$folder/slurm/$unit.id" 2>/dev/null)
  [ -n "$id" ] || id=$(printf '%s\n' "$queue" | own_id "nemorun=$key")
  if [ -z "$id" ]; then
    if [ -n "$deps" ]; then deps=--dependency=$(printf '%s' "$deps" | sed "$ids"); fi
    answer=$(umask "$own_umask" && cd "$folder" && sbatch --parsable ${deps:+"$deps"} "$folder/slurm/$unit.sh" 9>&- 2>"$err" </dev/null)
    if [ $? -ne 0 ]; then
      case $(cat "$err") in
        *'timed out'* | *'Zero Bytes'* | *'Unexpected message'*) printf 'unsure %s %s\n' "$unit" "$(one_line)" ;;
        *) printf 'refused %s %s\n' "$unit" "$(one_line)" ;;
      esac
      break
    fi
    id=$(printf '%s\n' "$answer" | tail -n 1)
    id=${id%%;*}
  fi
  printf '%s\n' "$id" >"$folder/slurm/.$unit.id" 2>/dev/null && mv -f "$folder/slurm/.$unit.id" "$folder/slurm/$unit.id"
  ids="$ids${ids:+;}s/{$number}/$id/g"
  number=$((number + 1))
  printf 'id %s %s\n' "$unit" "$id"
done <"$incoming/submit"
printf 'done\n'
