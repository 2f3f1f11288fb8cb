# Puts a file named <mark> into jobs' folders, and prints the folders' absolute paths, one a line; "" for one that is
# not there. A mark of an earlier time is taken away.
#
# Set before: base (job_dir), mark ("" to take away those of earlier times only), folders (below <base>/experiments, one a line).
umask 077
printf '%s\n' "$folders" | while read -r folder; do
  place=$base/experiments/$folder
  rm -f "$place"/.seen-* 2>/dev/null
  [ -n "$mark" ] || continue
  if (: >"$place/$mark") 2>/dev/null; then (cd "$place" && pwd -P); else echo; fi
done
