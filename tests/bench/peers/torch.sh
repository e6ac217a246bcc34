#!/bin/sh
# The PyTorch peers at PyTorch's best configuration:
#     sh tests/bench/peers/torch.sh torch_cascade.py rate --mode detach --threads 2
# prints one JSON line. The interpreter is $WEIR_PYTORCH (else python3). One thread a CPU of this process,
# pinned; tensors are not given back to the kernel between steps; OpenBLAS chooses its kernels itself.
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
python=${WEIR_PYTORCH:-python3}
if ! "$python" -c "import torch" 2>/dev/null; then
    cat >&2 <<'END'
torch.sh: no PyTorch to compare with. Install one and name its interpreter in WEIR_PYTORCH:
    python3 -m venv torch && torch/bin/pip install torch && export WEIR_PYTORCH=$PWD/torch/bin/python
(on an Intel CPU its MKL is fastest), or Debian's: apt-get install python3-torch libopenblas0-openmp
END
    exit 77
fi
if [ -z "${1:-}" ] || [ ! -f "$here/$1" ]; then
    echo "usage: sh tests/bench/peers/torch.sh torch_cascade.py|torch_cascade_sample.py|torch_gasf.py|torch_netshare.py|torch_unet.py ARGUMENTS" >&2
    exit 2
fi
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE OPENBLAS_NUM_THREADS MKL_NUM_THREADS MKL_DEBUG_CPU_TYPE
threads=2
previous=
for word in "$@"; do
    [ "$previous" = --threads ] && threads=$word
    previous=$word
done
export OMP_NUM_THREADS="$threads" OMP_PROC_BIND=true
GOMP_CPU_AFFINITY=$(awk '$1 == "Cpus_allowed_list:" { print $2 }' /proc/self/status)
export GOMP_CPU_AFFINITY
export MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=4000000000 MALLOC_TOP_PAD_=268435456
script=$1
shift
exec "$python" "$here/$script" "$@"
