/* Source text to machine code by NVRTC, remembered on disk: a program compiled once starts at once
 * the next time. */
#include <errno.h>
#include <nvrtc.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nn/cuda/cuda.h"

static int nvrtc_failed(nvrtcResult result, const char *what, weir_error *error)
{
    if (result == NVRTC_SUCCESS)
        return WEIR_OK;
    return weir_error_set(error, WEIR_EIO, "NVRTC: %s: %s", what, nvrtcGetErrorString(result));
}

/* The file that holds the code of this source, or "" where nothing can be remembered. */
static void cache_path(const char *source, const char *architecture, char *path, size_t size)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    int major = 0, minor = 0;
    path[0] = 0;
    nvrtcVersion(&major, &minor);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    char version[64];
    snprintf(version, sizeof version, "%s nvrtc %d.%d\n", architecture, major, minor);
    bool hashed = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) &&
                  EVP_DigestUpdate(hash, version, strlen(version)) &&
                  EVP_DigestUpdate(hash, source, strlen(source)) &&
                  EVP_DigestFinal_ex(hash, digest, &length);
    EVP_MD_CTX_free(hash);
    if (!hashed || (!(cache && *cache) && !(home && *home)))
        return;
    int used = cache && *cache ? snprintf(path, size, "%s/weir", cache)
                               : snprintf(path, size, "%s/.cache/weir", home);
    if (used < 0 || (size_t)used + 2 * length + 32 > size) {
        path[0] = 0;
        return;
    }
    char *parent = strrchr(path, '/'); /* .cache itself may be missing on a fresh account */
    *parent = 0;
    mkdir(path, 0755);
    *parent = '/';
    mkdir(path, 0755);
    strcpy(path + used, "/kernels");
    mkdir(path, 0755);
    char *end = path + strlen(path);
    *end++ = '/';
    for (unsigned i = 0; i < length; i++)
        end += snprintf(end, 3, "%02x", digest[i]);
    strcpy(end, ".cubin");
}

static void *read_whole(const char *path, size_t *size)
{
    FILE *file = path[0] ? fopen(path, "rb") : NULL;
    struct stat facts;
    void *image = NULL;
    if (file && !fstat(fileno(file), &facts) && facts.st_size > 0 &&
        (image = malloc((size_t)facts.st_size))) {
        *size = (size_t)facts.st_size;
        if (fread(image, 1, *size, file) != *size) {
            free(image);
            image = NULL;
        }
    }
    if (file)
        fclose(file);
    return image;
}

/* Whole or not at all; a cache that cannot be written is no error. */
static void remember(const char *path, const void *image, size_t size)
{
    char name[4200];
    if (!path[0] ||
        (size_t)snprintf(name, sizeof name, "%s.%ld", path, (long)getpid()) >= sizeof name)
        return;
    FILE *file = fopen(name, "wb");
    if (!file)
        return;
    bool whole = fwrite(image, 1, size, file) == size;
    whole = !fclose(file) && whole;
    if (!whole || rename(name, path))
        unlink(name);
}

/* The compiler's own first lines about what it does not like. */
static int complain(nvrtcProgram program, nvrtcResult result, weir_error *error)
{
    size_t size = 0;
    char *log = NULL;
    if (nvrtcGetProgramLogSize(program, &size) == NVRTC_SUCCESS && size && (log = malloc(size)) &&
        nvrtcGetProgramLog(program, log) == NVRTC_SUCCESS)
        weir_error_set(error, WEIR_EBUG, "NVRTC: a kernel does not compile: %.700s", log);
    free(log);
    return weir_error_set(error, WEIR_EBUG, "NVRTC: a kernel does not compile: %s",
                          nvrtcGetErrorString(result));
}

static int compile(const char *source, const char *architecture, void **image, size_t *size,
                   weir_error *error)
{
    char target[48];
    snprintf(target, sizeof target, "--gpu-architecture=%s", architecture);
    const char *options[] = {target, "--std=c++17", "--extra-device-vectorization"};
    nvrtcProgram program;
    int status = nvrtc_failed(nvrtcCreateProgram(&program, source, "weir.cu", 0, NULL, NULL),
                              "a program", error);
    if (status)
        return status;
    nvrtcResult result = nvrtcCompileProgram(program, 3, options);
    if (result != NVRTC_SUCCESS)
        status = complain(program, result, error);
    if (!status)
        status = nvrtc_failed(nvrtcGetCUBINSize(program, size), "the size of the code", error);
    if (!status && !(*image = malloc(*size)))
        status = weir_error_memory(error, *size, "compiled kernels");
    if (!status)
        status = nvrtc_failed(nvrtcGetCUBIN(program, *image), "the code", error);
    nvrtcDestroyProgram(&program);
    return status;
}

int nn_cuda_compile(const char *source, const char *architecture, void **image, size_t *size,
                    weir_error *error)
{
    char path[4096];
    cache_path(source, architecture, path, sizeof path);
    *image = read_whole(path, size);
    if (*image)
        return WEIR_OK;
    int status = compile(source, architecture, image, size, error);
    if (status) {
        free(*image);
        *image = NULL;
    } else {
        remember(path, *image, *size);
    }
    return status;
}
