/* Text from outside, made UTF-8. */
#include "text.h"

size_t weir_text_utf8(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    unsigned low = 0x80, high = 0xbf;
    size_t n;

    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    /* No overlong form, no surrogate, nothing above U+10FFFF. */
    if (s[0] == 0xe0)
        low = 0xa0;
    else if (s[0] == 0xed)
        high = 0x9f;
    else if (s[0] == 0xf0)
        low = 0x90;
    else if (s[0] == 0xf4)
        high = 0x8f;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if (s[i] < 0x80 || s[i] > 0xbf)
            return 0;
    return n;
}

int weir_text_repair(char *text)
{
    int found = 0;

    while (*text) {
        size_t n = weir_text_utf8(text);

        if (n == 0) {
            *text = '?';
            found = 1;
        }
        text += n ? n : 1;
    }
    return found;
}
