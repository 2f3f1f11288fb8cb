#!/bin/bash
# train[lr=0.1]@slurm_a and 2 more, attempt 1, of 20261122-0712-lab-x7k2.
# Written by nemorun.
#SBATCH --job-name=train.x7k2
#SBATCH --partition=cpu
#SBATCH --comment=nemorun=20261122-0712-lab-x7k2/train-lr=0.1@slurm_a+2-9e6e4aa8.1
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --time=2
#SBATCH --array=0-2%4
#SBATCH --output=/scratch/me/.run/experiments/20261122-0712-lab-x7k2/slurm/slots/train-lr=0.1@slurm_a+2-9e6e4aa8.1-%a/log
#SBATCH --error=/scratch/me/.run/experiments/20261122-0712-lab-x7k2/slurm/slots/train-lr=0.1@slurm_a+2-9e6e4aa8.1-%a/log.err
#SBATCH --open-mode=append
#SBATCH --chdir=/scratch/me/.run/experiments/20261122-0712-lab-x7k2

nemorun_experiment=/scratch/me/.run/experiments/20261122-0712-lab-x7k2
nemorun_first_attempt=1
nemorun_timeout_s=90
nemorun_splits_errors=1
source /scratch/me/.run/packages/batch-HASH.sh || exit 127

nemorun_job="$(nemorun_job_of_task /scratch/me/.run/experiments/20261122-0712-lab-x7k2/slurm/train-lr=0.1@slurm_a+2-9e6e4aa8.1.jobs)"
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
