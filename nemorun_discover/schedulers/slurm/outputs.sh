# Lists what jobs left, then sends what is wanted of it.
#
# Set before: base (job_dir), places (files and folders below <base>/experiments, one a line).
#
# Prints two lines for each file, folder and link: "TYPE MODE SIZE TIME PATH" and a link's target, in which a line
# break stands as NUL; then "." on a line. TYPE is u for a folder that cannot be looked into. Reads a line with the length
# of a list that ends each word with NUL (FROM SIZE PATH, for each file of which the beginning is there already), that
# list, and the paths of all other files likewise. Prints for each of the first "COUNT" on a line and as many bytes, then a
# tar of the others.
export LC_ALL=C
cd "$base/experiments" 2>/dev/null || exit 0
printf '%s\n' "$places" | tr '\n' '\0' | xargs -0 sh -c '
  exec find -H "$@" -type d \( ! -readable -o ! -executable \) -printf "u %m %s %T@ %p\\0\\0" -prune -o \
    \( -type f -o -type d -o -type l \) -printf "%y %m %s %T@ %p\\0%l\\0" 2>/dev/null' sh |
  tr '\n\0' '\0\n'
printf '.\n'
read -r length || exit 0
[ "$length" -eq 0 ] || head -c "$length" | xargs -0 -n 3 sh -c '
  count=$(($2 - $1))
  [ "$(stat -c %s "$3" 2>/dev/null)" = "$2" ] || count=0
  printf "%s\n" "$count"
  # A file that becomes shorter now is filled up: the next one must begin where it is expected.
  { tail -c "+$(($1 + 1))" "$3" 2>/dev/null; head -c "$count" /dev/zero; } | head -c "$count"' sh
tar --null --no-recursion --hard-dereference --format=gnu -T - -cf - 2>/dev/null
exit 0
