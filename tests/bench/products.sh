# The engine's matrix products at its models' shapes against oneDNN's, in one process that is bound to its CPUs:
# both threads (or $1), $2 rounds each.
products=$(bench_program products)
OMP_PROC_BIND=true OMP_WAIT_POLICY=active "$products" "${1:-$(nproc)}" "${2:-21}"
