/* Files that are written whole or not at all: temporary name, fsync, rename. */
#include "data/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER ((size_t)256 * 1024)

static int failed(weir_error *error, const char *path, int number)
{
    return weir_error_set(error, WEIR_EIO, "%s: cannot be written: %s", path, strerror(number));
}

int weir_file_create(weir_file *file, const char *path, weir_error *error)
{
    static _Atomic unsigned serial;
    size_t size = strlen(path) + 48;
    struct stat info;
    int number, descriptor;

    memset(file, 0, sizeof *file);
    if (!stat(path, &info) && !S_ISREG(info.st_mode))
        return failed(error, path, S_ISDIR(info.st_mode) ? EISDIR : EINVAL);
    file->path = strdup(path);
    file->temporary = malloc(size);
    if (!file->path || !file->temporary) {
        weir_file_discard(file);
        return weir_error_memory(error, size, "a file name");
    }
    snprintf(file->temporary, size, "%s.%ld.%u.tmp", path, (long)getpid(), serial++);
    descriptor = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    file->stream = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    if (!file->stream) {
        number = errno;
        if (descriptor >= 0) {
            close(descriptor);
            unlink(file->temporary);
        }
        weir_file_discard(file);
        return failed(error, path, number);
    }
    setvbuf(file->stream, NULL, _IOFBF, BUFFER);
    return WEIR_OK;
}

void weir_file_discard(weir_file *file)
{
    if (file->stream) {
        fclose(file->stream);
        unlink(file->temporary);
    }
    free(file->path);
    free(file->temporary);
    memset(file, 0, sizeof *file);
}

int weir_file_commit(weir_file *file, weir_error *error)
{
    int status = WEIR_OK, number = 0;

    if (ferror(file->stream) || fflush(file->stream) || fsync(fileno(file->stream)))
        number = errno ? errno : EIO;
    if (fclose(file->stream) && !number)
        number = errno;
    file->stream = NULL;
    if (!number && rename(file->temporary, file->path))
        number = errno;
    if (number) {
        unlink(file->temporary);
        status = failed(error, file->path, number);
    }
    weir_file_discard(file);
    errno = number;
    return status;
}

void weir_path_stem(const char *path, char *text, size_t size)
{
    size_t length = strlen(path);
    const char *from, *dot;

    while (length > 1 && path[length - 1] == '/')
        length--;
    from = memrchr(path, '/', length);
    from = from && length > 1 ? from + 1 : path;
    length -= (size_t)(from - path);
    dot = memrchr(from, '.', length);
    if (dot && dot > from)
        length = (size_t)(dot - from);
    if (length >= size)
        length = size - 1;
    memcpy(text, from, length);
    text[length] = 0;
    for (; *text; text++) /* a name is one line in every table and message */
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '_';
}

int weir_path_ends(const char *path, const char *extension)
{
    size_t length = strlen(path), end = strlen(extension);

    return length > end && !strcasecmp(path + length - end, extension);
}
