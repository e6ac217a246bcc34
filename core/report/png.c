/* Grey pictures in a page: a PNG without compression, as a data address. */
#include "report/figures.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void put32(report_text *out, uint32_t n)
{
    const char bytes[4] = {(char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};

    report_add_bytes(out, bytes, 4);
}

static uint32_t crc32(const char *data, size_t n)
{
    uint32_t crc = 0xffffffffu;

    for (size_t i = 0; i < n; i++) {
        crc ^= (unsigned char)data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0xedb88320u & -(crc & 1));
    }
    return ~crc;
}

static void chunk(report_text *png, const char *type, const char *data, size_t n)
{
    size_t start;

    put32(png, (uint32_t)n);
    start = png->used;
    report_add_bytes(png, type, 4);
    report_add_bytes(png, data, n);
    if (!png->failed)
        put32(png, crc32(png->data + start, png->used - start));
}

/* The zlib stream of the scan lines, in stored blocks of at most 65535 bytes. */
static void scan_lines(report_text *stream, const unsigned char *pixels, size_t width,
                       size_t height, int bits)
{
    uint32_t a = 1, b = 0;
    size_t line = bits == 4 ? (width + 1) / 2 : width;
    size_t total = height * (line + 1), done = 0;
    report_text raw = {0};

    for (size_t y = 0; y < height; y++) {
        report_add_bytes(&raw, "", 1); /* no filter */
        if (bits == 8)
            report_add_bytes(&raw, (const char *)pixels + y * width, width);
        for (size_t x = 0; bits == 4 && x < width; x += 2) {
            unsigned right = x + 1 < width ? pixels[y * width + x + 1] : 0u;
            const char two = (char)((pixels[y * width + x] & 0xf0u) | right >> 4);

            report_add_bytes(&raw, &two, 1);
        }
    }
    report_add_bytes(stream, "\x78\x01", 2);
    while (!raw.failed && done < total) {
        size_t n = total - done < 65535 ? total - done : 65535;
        const char head[5] = {done + n == total, (char)(n & 255), (char)(n >> 8), (char)(~n & 255),
                              (char)(~n >> 8 & 255)};

        report_add_bytes(stream, head, 5);
        report_add_bytes(stream, raw.data + done, n);
        for (size_t i = done; i < done + n; i++) {
            a = (a + (unsigned char)raw.data[i]) % 65521;
            b = (b + a) % 65521;
        }
        done += n;
    }
    put32(stream, b << 16 | a);
    stream->failed |= raw.failed;
    report_free(&raw);
}

static void base64(report_text *out, const report_text *in)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < in->used; i += 3) {
        uint32_t three = 0;
        char four[4];
        size_t n = in->used - i < 3 ? in->used - i : 3;

        for (size_t j = 0; j < 3; j++)
            three = three << 8 | (j < n ? (unsigned char)in->data[i + j] : 0u);
        for (size_t j = 0; j < 4; j++)
            four[j] = j <= n ? digits[three >> (18 - 6 * j) & 63] : '=';
        report_add_bytes(out, four, 4);
    }
}

void report_png(report_text *out, const unsigned char *pixels, size_t width, size_t height,
                int bits, const char *alt)
{
    const char head[13] = {(char)(width >> 24), (char)(width >> 16),  (char)(width >> 8),
                           (char)width,         (char)(height >> 24), (char)(height >> 16),
                           (char)(height >> 8), (char)height,         (char)bits};
    report_text png = {0}, stream = {0};

    scan_lines(&stream, pixels, width, height, bits);
    report_add_bytes(&png, "\x89PNG\r\n\x1a\n", 8);
    chunk(&png, "IHDR", head, sizeof head);
    if (!stream.failed)
        chunk(&png, "IDAT", stream.data, stream.used);
    chunk(&png, "IEND", "", 0);
    report_format(out, "<img width=\"%zu\" height=\"%zu\" alt=\"", width, height);
    report_html(out, alt);
    report_add(out, "\" src=\"data:image/png;base64,");
    base64(out, &png);
    report_add(out, "\">");
    out->failed |= png.failed || stream.failed;
    report_free(&png);
    report_free(&stream);
}
