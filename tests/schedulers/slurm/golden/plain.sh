#!/bin/bash
# train@slurm_a, attempt 1, of 20261122-0712-lab-x7k2.
# Written by nemorun.
#SBATCH --job-name=train.x7k2
#SBATCH --comment=nemorun=20261122-0712-lab-x7k2/train@slurm_a.1
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --output=/scratch/me/.run/experiments/20261122-0712-lab-x7k2/jobs/train@slurm_a/attempt-1/log
#SBATCH --open-mode=append
#SBATCH --chdir=/scratch/me/.run/experiments/20261122-0712-lab-x7k2

nemorun_experiment=/scratch/me/.run/experiments/20261122-0712-lab-x7k2
nemorun_first_attempt=1
source /scratch/me/.run/packages/batch-HASH.sh || exit 127

nemorun_job=train@slurm_a
nemorun_begin "$nemorun_job"
nemorun_enter "$nemorun_job" code
nemorun_environment "$nemorun_job" slurm_a
nemorun_start "$nemorun_job" srun \
    --export=ALL \
    --kill-on-bad-exit=1 \
    --wait=0 \
    --nodes=1 \
    --ntasks=1 \
    --ntasks-per-node=1 \
    python3 /scratch/me/.run/packages/runtime-HASH.zip --srun "$NEMORUN_JOB_DIR" "$NEMORUN_ATTEMPT"
nemorun_end
