/* Text from outside: files, options and plugins may say anything, JSON and reports take UTF-8. */
#ifndef WEIR_TEXT_H
#define WEIR_TEXT_H

#include <stddef.h>

/* Bytes of the UTF-8 character at text, 1 to 4 (1 at the end); 0 if there is none. */
size_t weir_text_utf8(const char *text);
/* Bytes that are not UTF-8 become '?'; whether there were any. */
int weir_text_repair(char *text);

#endif
