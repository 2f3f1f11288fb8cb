# Takes what jobs left elsewhere, and puts it where the jobs of this cluster look for what those before them left.
#
# It may break off at any byte and be run again: what has come is kept, and a file goes on where it broke off. Nothing
# else than <job>/outputs.part is written before all of it is here.
#
# Set before: base (job_dir), exp (the experiment whose jobs these are), mark (a file's name), slugs (of the jobs, one a
# line), near ("SLUG FOLDER" lines: where the folder of a job may be seen from here; if it is, <mark> lies in it).
#
# It prints "near SLUG BYTES" for each of those that is seen: its files are here then. Then what there is of the others,
# as outputs.sh does: two lines for each file, folder and link below their outputs and outputs.part, and "." on a line.
# It reads a line "COUNT SIZE MODE TIME PLACE" for each file that is sent by itself, followed by COUNT bytes that are
# appended to <job>/outputs.part/PLACE, then "files" on a line, and a tar of all the rest. It prints "done", "busy" when
# another process sends the same, or "fail TEXT".
export LC_ALL=C
umask 077
one_line() { tr '\n\t' '  ' <"$err" | cut -c 1-300; }
fail() { printf 'fail %s: %s\n' "$base" "$(one_line)"; exit 3; }

# As in submit.sh: others may write into /tmp, and a name that can be guessed may be a link of theirs by then.
err=$(mktemp "${TMPDIR:-/tmp}/nemorun-XXXXXXXX" 2>/dev/null) || err=$HOME/.nemorun-$$.err
(: >"$err") 2>/dev/null || err=/dev/null
trap '[ "$err" = /dev/null ] || rm -f "$err"' EXIT
trap 'exit 1' HUP INT PIPE TERM

folder=$base/experiments/$exp
mkdir -p "$folder/jobs" 2>"$err" || fail
cd "$folder/jobs" || exit 3
if command -v flock >/dev/null 2>&1; then
  exec 9>"$folder/inputs.lock"
  flock -w 20 9 || { printf 'busy\n'; exit 0; }
fi

# All of it is in outputs.part: now it takes its place.
finish() {
  if [ -d "$1/outputs.part/tree" ]; then
    rmdir "$1/outputs" 2>/dev/null
    if [ ! -e "$1/outputs" ]; then
      mv -T "$1/outputs.part/tree" "$1/outputs" 2>"$err" || fail
    else
      cp -al --remove-destination "$1/outputs.part/tree/." "$1/outputs/" 2>"$err" ||
        cp -a --remove-destination "$1/outputs.part/tree/." "$1/outputs/" 2>"$err" || fail
    fi
  fi
  for file in job.json result.json; do
    [ ! -e "$1/outputs.part/$file" ] || mv -f "$1/outputs.part/$file" "$1/$file" 2>"$err" || fail
  done
  rm -rf "$1/outputs.part"
}

printf '%s\n' "$near" | while IFS=' ' read -r slug source; do
  [ -n "$slug" ] && [ -e "$source/$mark" ] || continue
  if [ ! "$source" -ef "$slug" ]; then
    rm -rf "$slug/outputs.part"
    mkdir -p "$slug/outputs.part" 2>"$err" || fail
    if [ -d "$source/outputs" ]; then
      cp -al "$source/outputs" "$slug/outputs.part/tree" 2>/dev/null || {
        rm -rf "$slug/outputs.part/tree"
        cp -a "$source/outputs" "$slug/outputs.part/tree" 2>"$err" || fail
      }
    fi
    for file in job.json result.json; do
      [ ! -e "$source/$file" ] || cp -p "$source/$file" "$slug/outputs.part/$file" 2>"$err" || fail
    done
    finish "$slug"
  fi
  printf 'near %s\n' "$slug"
done || exit 3

printf '%s\n' "$slugs" | while read -r slug; do
  [ -z "$slug" ] ||
    find "$slug/outputs" "$slug/outputs.part" \( -type f -o -type d -o -type l \) -printf '%y %m %s %T@ %p\0%l\0' 2>/dev/null
done | tr '\n\0' '\0\n'
printf '.\n'
word=
while IFS=' ' read -r word size mode time place; do
  [ "$word" != files ] || break
  mkdir -p "${place%/*}" 2>"$err" || fail
  [ "$word" -eq 0 ] || head -c "$word" >>"$place" 2>"$err" || fail
  [ "$(stat -c %s "$place")" = "$size" ] || exit 1 # the stream broke off
  chmod "$mode" "$place" 2>"$err" && touch -d "@$time" "$place" 2>"$err" || fail
done
[ "$word" = files ] || exit 0 # nothing is to be sent, or the client has gone
rm -f "$folder/whole"
tar -xpf - -C "$folder" 2>"$err" || fail
[ -e "$folder/whole" ] || exit 1 # the stream broke off
rm -f "$folder/whole"
printf '%s\n' "$slugs" | while read -r slug; do
  [ -z "$slug" ] || finish "$slug"
done || exit 3
printf 'done\n'
