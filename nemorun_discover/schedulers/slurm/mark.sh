# Puts a file named <mark> into jobs' folders, or takes it away. Prints the folders' absolute paths, one a line; "" for one
# that is not there.
#
# Set before: base (job_dir), mark, away (yes, no), folders (below <base>/experiments, one a line).
umask 077
printf '%s\n' "$folders" | while read -r folder; do
  place=$base/experiments/$folder
  # What a process has left that was killed.
  find "$place" -maxdepth 1 -name '.seen-*' -mmin +60 -exec rm -f {} + 2>/dev/null
  if [ "$away" = yes ]; then
    rm -f "$place/$mark"
  elif (: >"$place/$mark") 2>/dev/null; then
    (cd "$place" && pwd -P)
  else
    echo
  fi
done
