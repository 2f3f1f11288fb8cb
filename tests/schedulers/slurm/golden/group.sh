#!/bin/bash
# server@slurm_a and 1 more, attempt 1, of 20261122-0712-lab-x7k2.
# Written by nemorun.
#SBATCH --job-name=pair.x7k2
#SBATCH --comment=nemorun=20261122-0712-lab-x7k2/server@slurm_a+1-c0c83fe3.1
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=2
#SBATCH --output=/scratch/me/.run/experiments/20261122-0712-lab-x7k2/slurm/server@slurm_a+1-c0c83fe3.1.log
#SBATCH --open-mode=append
#SBATCH --chdir=/scratch/me/.run/experiments/20261122-0712-lab-x7k2

nemorun_experiment=/scratch/me/.run/experiments/20261122-0712-lab-x7k2
nemorun_first_attempt=1
source /scratch/me/.run/packages/batch-HASH.sh || exit 127

nemorun_begin server@slurm_a client@slurm_client
export NEMORUN_GROUP_HOSTS="$(nemorun_head_of "$SLURM_JOB_NODELIST"),$(nemorun_head_of "$SLURM_JOB_NODELIST")"

nemorun_member_0() {
  nemorun_enter server@slurm_a code
  nemorun_environment server@slurm_a slurm_a
  export MASTER_ADDR="${MASTER_ADDR:-$(nemorun_head_of "$SLURM_JOB_NODELIST")}"
# setup_lines
export A=1
# end of setup_lines
  exec srun \
    --export=ALL \
    --kill-on-bad-exit=1 \
    --wait=0 \
    --nodes=1 \
    --ntasks=1 \
    --ntasks-per-node=1 \
    --overlap \
    python3 /scratch/me/.run/packages/runtime-HASH.zip --srun "$NEMORUN_JOB_DIR" "$NEMORUN_ATTEMPT"
}
nemorun_start server@slurm_a nemorun_member_0

nemorun_member_1() {
  nemorun_enter client@slurm_client code
  nemorun_environment client@slurm_client slurm_client
  export MASTER_ADDR="${MASTER_ADDR:-$(nemorun_head_of "$SLURM_JOB_NODELIST")}"
  exec srun \
    --export=ALL \
    --kill-on-bad-exit=1 \
    --wait=0 \
    --nodes=2 \
    --ntasks=2 \
    --ntasks-per-node=1 \
    --label \
    --overlap \
    --container-image=/images/client.sqsh \
    --container-mounts=/scratch/me/.run:/scratch/me/.run \
    --container-workdir="$PWD" \
    --container-env=PYTHONPATH \
    --no-container-mount-home \
    python3 /scratch/me/.run/packages/runtime-HASH.zip --srun "$NEMORUN_JOB_DIR" "$NEMORUN_ATTEMPT"
}
nemorun_pause 5
nemorun_start client@slurm_client nemorun_member_1
nemorun_end any_failed 60
