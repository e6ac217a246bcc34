#!/bin/sh
# Python's safetensors package reads what nn_save and nn_checkpoint_save write, and nn_load what it writes. PYTHON
# names the interpreter (python3); skipped where it lacks safetensors or numpy. Without Python the same is tested
# on a stored file: tests/unit/test_nn_weights.c.
. "$(dirname -- "$0")/lib.sh"

python=${PYTHON:-python3}
"$python" -c 'import numpy, safetensors' 2>/dev/null ||
    skip "$python has no package safetensors (or numpy): pip install safetensors numpy"
command -v cc >/dev/null || skip "there is no C compiler"
sanitize=$(sed -n 's/^WEIR_SANITIZE:STRING=\(.*\)/\1/p' "$build/CMakeCache.txt")
[ -z "$sanitize" ] || skip "the library is built with sanitizers, which a plain compiler line lacks"

cat >both.c <<'END'
#include <stdio.h>
#include <string.h>
#include <weir/nn.h>
int main(int argc, char **argv)
{
    static const char *const names[] = {"net.0.bias", "net.0.weight", "net.1.bias", "net.1.weight", "net.steps"};
    nn_graph *g = nn_graph_new(&(nn_settings){.seed = 5, .device = "null"});
    nn_init init = nn_init_uniform(-3, 3);
    nn_parameter(g, "net.0.weight", 2, (int64_t[]){2, 3}, init);
    nn_parameter(g, "net.0.bias", 1, (int64_t[]){2}, init);
    nn_parameter(g, "net.1.weight", 2, (int64_t[]){1, 2}, init);
    nn_parameter(g, "net.1.bias", 1, (int64_t[]){1}, init);
    nn_state(g, "net.steps", 0, NULL, init);
    nn_noise_normal(g, "z", 1, (int64_t[]){3});
    if (argc == 4)
        nn_load(g, "net.", argv[3]);
    nn_save(g, "net.", argv[1]);
    nn_checkpoint_save(g, argv[2]);
    for (int i = 0; i < 5; i++) {
        nn_real values[8];
        double sum = 0;
        nn_value(nn_find(g, names[i]), values);
        for (int k = 0; k < nn_count(nn_find(g, names[i])); k++)
            sum += (double)values[k];
        printf("%s %.12g\n", names[i], sum);
    }
    if (nn_status(g))
        fprintf(stderr, "%s\n", nn_error(g)->text);
    return nn_status(g) != 0;
}
END
cc -std=c11 -o both both.c -I"$source/core/include" "$build/libweir.so" -Wl,-rpath,"$build"
sums() { sed -n 's/^\([a-z0-9.]*\) float32 [^]]*\] \(.*\)$/\1 \2/p' "$1" | awk '{ printf "%s %.12g\n", $1, $2 }'; }

# Ours, read by Python.
./both w.safetensors c.safetensors >expected
"$python" "$source/tests/golden/weights.py" w.safetensors >shown
sums shown >found
equal found expected
has shown "# writer weir "
has shown "net.0.weight float32 [2, 3]"
has shown "net.steps float32 [] "
"$python" "$source/tests/golden/weights.py" c.safetensors >shown
sums shown >found
equal found expected
has shown "draws/z uint64 [] 0.0"

# Python's, read by us.
"$python" - "$source/tests/golden/weights.py" <<'END'
import numpy
from safetensors.numpy import save_file
r = numpy.random.default_rng(3)
shapes = {"net.1.weight": (1, 2), "net.0.bias": (2,), "net.steps": (), "net.0.weight": (2, 3), "net.1.bias": (1,)}
save_file({name: numpy.asarray(r.normal(size=shape), dtype=numpy.float32) for name, shape in shapes.items()},
          "python.safetensors")
END
"$python" "$source/tests/golden/weights.py" python.safetensors >shown
sums shown >expected
./both again.safetensors c.safetensors python.safetensors >found
equal found expected
