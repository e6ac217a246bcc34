/* The program `weir`: everything it does is in libweir. */
#include <weir/weir.h>

int main(int argc, char **argv)
{
    return weir_main(argc, argv);
}
