# Puts an experiment's files and what they need on a cluster, then hands its batch scripts to sbatch.
#
# It may break off at any byte and be run again: what is there already is left as it is, and a script whose key is in
# the queue, or whose id was written down, is not handed over twice. It talks with the client over stdin and stdout.
#
# Set before: base (job_dir), exp (the experiment's id), runtime, batch (names below packages/), digests (of packages,
# "" for none), max_array ("" to ask), linked (a directory on a line each: code that is there already), closed_words and
# open_words (a line each, of words.py: what Slurm says instead of an answer, where the job was not taken, and where it may
# have been).
#
# It prints                                       and reads
#   base, home, sbatch, runtime, batch,
#   tree DIGEST yes|no, trees, max_array, go       one line "from NAME BASE" for each missing package, then "files",
#                                                  then a tar: package/NAME/..., gone/NAME, file/..., experiment/...;
#                                                  NAME is as much of a digest as names its code in an experiment
#   for every script in turn: id UNIT ID | refused UNIT TEXT | absent UNIT (one that was to be looked for only), and for
#   the last one that was tried: away UNIT TEXT (Slurm did not answer) | unsure UNIT TEXT (nor told what it has done); then
#   done. Instead of all of these: fail TEXT, or away TEXT before "go" and "away  TEXT" behind it, where Slurm did not answer.
own_umask=$(umask) # which jobs get, as sbatch gives them all that it finds here
umask 077
# What an allocation, or the user's own habits, would change in the job or in what is printed; SLURM_CONF names the cluster.
for name in $(env | sed -n 's/^\(SLURM_[A-Z0-9_]*\|SBATCH_[A-Z0-9_]*\|SRUN_[A-Z0-9_]*\|SQUEUE_[A-Z0-9_]*\|SACCT_[A-Z0-9_]*\|PMI[A-Z0-9_]*\)=.*/\1/p'); do
  [ "$name" = SLURM_CONF ] || unset "$name"
done

one_line() { tr '\n\t' '  ' <"$err" | cut -c 1-400; }
fail() { printf 'fail %s\n' "$1"; exit 3; }
first_line() { head -n 1 "$err" | cut -c 1-300; } # tar has one for each file
# What the words of a command of Slurm's in $err say of the job it was about: refused, away or unsure.
word_for() {
  said=$(grep 'submission failed:' "$err" || cat "$err") # its last word, where it has tried several times
  if printf '%s\n' "$said" | grep -qF -e "$closed_words"; then
    echo away
  elif [ "$1" -gt 128 ] || [ -z "$said" ] || printf '%s\n' "$said" | grep -qF -e "$open_words"; then
    echo unsure # a signal ended it, or it said nothing, or it does not know itself
  else
    echo refused
  fi
}
away() { printf 'away  %s\ndone\n' "$1"; exit 0; }
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
  "$folder/slurm/secrets"
printf 'base %s\nuser %s\nhost %s\n' "$base" "$(id -un)" "$(uname -n)"
command -v sbatch >/dev/null 2>&1 || fail "there is no sbatch on its PATH ($PATH)"
there() { if [ -e "$base/packages/$2" ]; then printf '%s yes\n' "$1"; else printf '%s no\n' "$1"; fi; }
printf '%s\n' "$linked" | while IFS= read -r place; do
  [ -z "$place" ] || [ -d "$place" ] || fail "symlink_from_remote_dir: $place is no directory there"
done || exit 3
# Both are named by the SHA-256 of their content: one that is damaged is sent again.
intact() {
  has=$(sha256sum 2>/dev/null <"$base/packages/$2") || has=
  name=${2##*-}
  case $has in "${name%%.*}"*) printf '%s yes\n' "$1" ;; *) printf '%s no\n' "$1" ;; esac
}
if command -v sha256sum >/dev/null 2>&1; then intact=intact; else intact=there; fi
$intact runtime "$runtime"
$intact batch "$batch"
missing=
# Files of packages have the time 0, as they were sent, and are read-only. A later one was written to by somebody whom
# that does not stop (root, also in a container): such a package is sent again.
written_to() { [ -d "$1" ] && [ -n "$(find "$1" -type f -newermt '1970-01-02 UTC' 2>/dev/null | head -n 1)" ]; }
for digest in $digests; do
  if written_to "$base/packages/code/$digest"; then rm -rf "$base/packages/code/$digest"; fi
  there "tree $digest" "code/$digest"
  [ -d "$base/packages/code/$digest" ] || missing="$missing $digest"
done
[ -z "$missing" ] || printf 'trees %s\n' "$(cd "$base/packages/code" && ls -t | head -n 50 | tr '\n' ' ')"
if [ -z "$max_array" ]; then
  shown=$(scontrol show config 2>"$err")
  code=$?
  # Neither a slurm.conf nor a record in DNS that leads to one: a login that was not prepared, or no cluster at all.
  if [ $code -ne 0 ] && grep -qF 'DNS SRV lookup failed' "$err"; then fail "Slurm finds no configuration: $(one_line)"; fi
  if [ $code -ne 0 ] && [ "$(word_for $code)" != refused ]; then printf 'away scontrol: %s\n' "$(one_line)"; exit 0; fi
  max_array=$(printf '%s\n' "$shown" | sed -n 's/^MaxArraySize *= *//p')
fi
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
  if written_to "$tree"; then fail "a file of $base/packages/code was written to: delete that folder, and it is sent again"; fi
  # Another one may have brought it meanwhile: then it stays inside ours, and goes with it.
  [ -d "$base/packages/code/$digest" ] || mv -T "$tree" "$base/packages/code/$digest" 2>/dev/null ||
    [ -d "$base/packages/code/$digest" ] || fail "$base/packages/code/$digest cannot be made"
done
[ ! -d "$incoming/experiment" ] || (cd "$incoming/experiment" && tar -cf - .) | (cd "$folder" && tar -xpf - 2>"$err") ||
  fail "$(one_line)"
touch "$base/packages/$runtime" "$base/packages/$batch" 2>/dev/null
find "$base" -maxdepth 1 -name '.incoming-*' -mmin +1440 -exec rm -rf {} + 2>/dev/null

exec 9>"$folder/slurm/lock"
flock -w 100 9 2>/dev/null
us=$(printf '\037')
queue=
waiting=$(while IFS='	' read -r unit key how deps; do [ -s "$folder/slurm/$unit.id" ] || echo "$unit"; done <"$incoming/submit")
if [ -n "$waiting" ]; then
  queue=$(squeue --noheader --states=all --user="$(id -un)" --format="%F|%o$us%k" 9>&- 2>"$err") ||
    away "squeue: $(one_line)"
fi
# The lowest id of a job whose comment ends with the key or whose batch script is the unit's: a site may rewrite comments.
own_id() {
  awk -v us="$us" -v mark="nemorun=$2" -v script="/experiments/$exp/slurm/$1.sh" '
    function ends(text, end) { return length(text) >= length(end) && substr(text, length(text) - length(end) + 1) == end }
    { id = $0; sub(/[|].*/, "", id); sub(/^[^|]*[|]/, "") }
    ends($0, mark) || ends(substr($0, 1, index($0, us) - 1), script) { print id }' | sort -n | head -n 1
}
slugs_of() { if [ -f "$folder/slurm/$1.jobs" ]; then cat "$folder/slurm/$1.jobs"; else printf '%s\n' "${1%.*}"; fi; }
# The id of a batch job that has begun an attempt of the unit.
begun_id() {
  slugs_of "$1" | while IFS= read -r slug; do
    [ -s "$folder/slurm/begun/$slug.${1##*.}" ] || continue
    sed -n 's/.*"native_id": "\([0-9]*\)[^0-9].*/\1/p' "$folder/slurm/begun/$slug.${1##*.}"
  done | head -n 1
}
# An sbatch that is carried out late must not begin what was cancelled.
never_begin() {
  mkdir -p "$folder/slurm/cancelled" &&
    slugs_of "$1" | while IFS= read -r slug; do : >"$folder/slurm/cancelled/$slug.${1##*.}"; done
}
ids=
number=0
while IFS='	' read -r unit key how deps; do
  id=$(cat "$folder/slurm/$unit.id" 2>/dev/null)
  [ -n "$id" ] || id=$(begun_id "$unit")
  [ -n "$id" ] || id=$(printf '%s\n' "$queue" | own_id "$unit" "$key")
  if [ -z "$id" ] && [ "$how" = find ]; then
    never_begin "$unit"
    printf 'absent %s\n' "$unit"
    number=$((number + 1))
    continue
  fi
  if [ -z "$id" ]; then
    if [ -n "$deps" ]; then deps=--dependency=$(printf '%s' "$deps" | sed "$ids"); fi
    case $deps in
      *'{'*)
        printf 'refused %s not submitted: a job that it waits for was not taken\n' "$unit"
        number=$((number + 1))
        continue
        ;;
    esac
    answer=$(umask "$own_umask" && cd "$folder" && sbatch --parsable ${deps:+"$deps"} "$folder/slurm/$unit.sh" 9>&- 2>"$err" </dev/null)
    code=$?
    if [ $code -ne 0 ]; then
      word=$(word_for $code)
      [ -s "$err" ] || printf 'sbatch ended with exit code %s, and said nothing\n' $code >"$err"
      printf '%s %s %s\n' "$word" "$unit" "$(one_line)"
      [ "$word" = refused ] || break
      number=$((number + 1))
      continue
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
