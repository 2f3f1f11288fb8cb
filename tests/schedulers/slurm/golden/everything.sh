#!/bin/bash
# train@slurm_a, attempt 1, of 20261122-0712-lab-x7k2.
# Written by nemorun.
#SBATCH --job-name=research.train.x7k2
#SBATCH --account=research
#SBATCH --partition=gpu,gpu_long
#SBATCH --qos=high
#SBATCH --comment="baseline, take 2 nemorun=20261122-0712-lab-x7k2/train@slurm_a.1"
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=8
#SBATCH --cpus-per-task=6
#SBATCH --gpus-per-node=8
#SBATCH --mem=0
#SBATCH --constraint=a100&nvlink
#SBATCH --exclude=node[01-03]
#SBATCH --exclusive
#SBATCH --segment=2
#SBATCH --network=sharp
#SBATCH --signal=B:USR1@120
#SBATCH --time=1-02:00:00
#SBATCH --output=/scratch/me/.run/experiments/20261122-0712-lab-x7k2/jobs/train@slurm_a/attempt-1/log
#SBATCH --open-mode=append
#SBATCH --no-requeue
#SBATCH --chdir=/scratch/me/.run/experiments/20261122-0712-lab-x7k2
#SBATCH --dependency=afterok:41
#SBATCH --kill-on-invalid-dep=yes
#SBATCH --mail-type=END
#SBATCH --overcommit
#SBATCH --x=1
#SBATCH --x=2

nemorun_experiment=/scratch/me/.run/experiments/20261122-0712-lab-x7k2
nemorun_first_attempt=1
source /scratch/me/.run/packages/batch-HASH.sh || exit 127

nemorun_job=train@slurm_a
nemorun_begin "$nemorun_job"
nemorun_forward USR1
nemorun_enter "$nemorun_job" code
nemorun_environment "$nemorun_job" slurm_a
export MASTER_ADDR="${MASTER_ADDR:-$(nemorun_head_of "$SLURM_JOB_NODELIST")}"
# setup_lines
module load cuda
ulimit -c 0
# end of setup_lines
nemorun_beside "$nemorun_job" gpu_memory.csv srun \
    --overlap \
    --mem=0 \
    --nodes=2 \
    --ntasks=2 \
    --ntasks-per-node=1 \
    --label \
    nvidia-smi \
    --query-gpu=timestamp,index,memory.used,memory.total,utilization.gpu \
    --format=csv,noheader \
    --loop=5
nemorun_start "$nemorun_job" srun \
    --export=ALL \
    --kill-on-bad-exit=1 \
    --wait=0 \
    --nodes=2 \
    --ntasks=16 \
    --ntasks-per-node=8 \
    --cpus-per-task=6 \
    --label \
    --container-image='nvcr.io#nvidia/pytorch:24.01-py3' \
    --container-mounts=/scratch/me/.run:/scratch/me/.run,/data:/data:ro,"$NEMORUN_JOB_DIR"/cache:/cache \
    --container-workdir="$PWD" \
    --container-env=PYTHONPATH,HF_HOME,WANDB_API_KEY,LD_LIBRARY_PATH \
    --no-container-mount-home \
    --mpi=pmix \
    --cpu-bind=none \
    python3 /scratch/me/.run/packages/runtime-HASH.zip --srun "$NEMORUN_JOB_DIR" "$NEMORUN_ATTEMPT"
nemorun_end
