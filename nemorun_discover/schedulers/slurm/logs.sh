# Prints what files have got since they were last read.
#
# Set before: base (job_dir), limit (bytes of one file at most). On stdin, a line for each file: the byte to go on
# from, a space, and the path below <base>/experiments.
#
# Prints, for each file that has more, a line "more NUMBER FROM COUNT" (NUMBER counts the lines from 0) and the bytes.
# A file that has become shorter begins again, from 0.
export LC_ALL=C
cd "$base/experiments" 2>/dev/null || exit 0
list=$(cat)
# One stat for all of them; only those that have grown are opened. A path has no line break.
sizes=$(printf '%s\n' "$list" | cut -d ' ' -f 2- | tr '\n' '\0' | xargs -0 stat -L -c '%s %n' 2>/dev/null)
{ printf '%s\n' "$sizes"; echo; printf '%s\n' "$list"; } | awk '
  $0 == "" { isList = 1; next }
  { at = index($0, " "); number = substr($0, 1, at - 1) + 0; path = substr($0, at + 1) }
  !isList { size[path] = number; next }
  { if (path in size && size[path] != number) {
      from = size[path] < number ? 0 : number
      if (size[path] > from) print line + 0, from, size[path] - from, path }
    line++ }' |
  while read -r number from count path; do
    [ "$count" -le "$limit" ] || count=$limit
    printf 'more %s %s %s\n' "$number" "$from" "$count"
    tail -c "+$((from + 1))" "$path" | head -c "$count"
    printf '\n'
  done
printf 'end\n'
