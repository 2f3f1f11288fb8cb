# Runs a very small job, for what only a node can tell: its Python, and whether it sees job_dir.
#
# Set before: base (job_dir), python (the interpreter of jobs), options (of srun, one a line).
# Prints "node NAME", "python VERSION" or "no-python TEXT", "shared yes|no"; or "no-job TEXT".
export LC_ALL=C
mark=$base/.nemorun-doctor-$$
touch "$mark" 2>/dev/null # not `: >`, which ends a shell that cannot write
trap 'rm -f "$mark"' EXIT
set --
while IFS= read -r option; do
  [ -z "$option" ] || set -- "$@" "$option"
done <<END
$options
END
answer=$(timeout 25 srun --job-name=nemorun-doctor --immediate=15 --nodes=1 --ntasks=1 --time=1 "$@" /bin/sh -c '
  printf "node %s\n" "$(uname -n)"
  if version=$("$1" -c "import sys; print(\"%d.%d.%d\" % sys.version_info[:3])" 2>&1); then
    printf "python %s\n" "$version"
  else
    printf "no-python %s\n" "$(printf %s "$version" | tr "\n" " ")"
  fi
  if [ -e "$2" ]; then echo "shared yes"; else echo "shared no"; fi
' sh "$python" "$mark" 2>&1) || answer="no-job $(printf '%s' "$answer" | tr '\n' ' ' | cut -c 1-300)"
printf '%s\n' "$answer"
