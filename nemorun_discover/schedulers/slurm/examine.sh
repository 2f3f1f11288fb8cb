# Tells what a cluster has to offer, for `nemorun doctor -e NAME`; submits nothing and changes nothing but job_dir.
#
# Set before: base (job_dir), partitions (a word each), account ("" for none), wants_container (yes or no), batch (the
# script of a job of the profile, which sbatch is asked about and not given), linked (the directory that stands in for a
# package, "" for none).
# Prints a line "NAME TEXT" for everything that can be told.
export LC_ALL=C
say() { printf '%s %s\n' "$1" "$(printf '%s' "$2" | tr '\n' ' ' | cut -c 1-300)"; }

say clock "$(date +%s)"
say user "$(id -un)"
say host "$(uname -n)"
if ! command -v sbatch >/dev/null 2>&1; then
  say no-sbatch "$PATH"
else
  say version "$(sbatch --version 2>&1)"
  if config=$(scontrol show config 2>&1); then
    say max_array "$(printf '%s\n' "$config" | sed -n 's/^MaxArraySize *= *//p')"
    say storage "$(printf '%s\n' "$config" | sed -n 's/^AccountingStorageType *= *//p')"
    say enforce "$(printf '%s\n' "$config" | sed -n 's/^AccountingStorageEnforce *= *//p')"
  else
    say no-controller "$config"
  fi
  for name in $partitions; do
    if found=$(scontrol --oneliner show partition "$name" 2>&1); then
      say partition "$name $(printf '%s\n' "$found" | sed 's/.* State=\([A-Z]*\).*/\1/')"
    else
      say no-partition "$name $(sinfo --noheader --format=%R 2>/dev/null | sort -u | tr '\n' ',')"
    fi
  done
  say default "$(sinfo --noheader --format=%P 2>/dev/null | sed -n 's/\*$//p' | head -n 1)"
  if accounts=$(sacctmgr --noheader --parsable2 show associations user="$(id -un)" format=Account 2>/dev/null); then
    say accounts "$(printf '%s\n' "$accounts" | sort -u | tr '\n' ',')"
  fi
  # As submit.sh hands scripts over: without what an allocation, or the user's own habits, would change in the job.
  if answer=$(
    for name in $(env | sed -n 's/^\(SLURM_[A-Z0-9_]*\|SBATCH_[A-Z0-9_]*\)=.*/\1/p'); do
      [ "$name" = SLURM_CONF ] || unset "$name"
    done
    printf '%s\n' "$batch" | sbatch --test-only 2>&1
  ); then say taken "$answer"; else say refused "$answer"; fi
  if [ "$wants_container" = yes ]; then
    if srun --help 2>&1 | grep -q -- --container-image; then say container yes; else say container no; fi
  fi
fi
if [ -n "$linked" ]; then
  if [ -d "$linked" ]; then say linked "$linked"; else say no-linked "$linked"; fi
fi
if problem=$(umask 077 && mkdir -p "$base" 2>&1 && touch "$base/.nemorun-doctor" 2>&1); then
  say job_dir "$base"
  say mode "$(stat -c %a "$base" 2>/dev/null)"
  say free_kb "$(df -Pk "$base" 2>/dev/null | awk 'NR == 2 { print $4 }')"
  rm -f "$base/.nemorun-doctor"
else
  say no-job_dir "$base: $problem"
fi
