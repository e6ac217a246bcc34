# cmake -DOUT=FILE.c -DHEADER=chunks.h -DFUNCTION=NAME -DFILES=a.lua;b.lua -P WeirEmbed.cmake: writes a C file with the
# function of that header, which gives a file's text by its name without the last suffix. So the program needs no
# files beside it.
set(text "/* Written by core/cmake/WeirEmbed.cmake. */\n#include \"${HEADER}\"\n#include <string.h>\n\n")
set(rows "")
set(number 0)
foreach(file ${FILES})
    get_filename_component(name ${file} NAME_WLE)
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
    string(APPEND text "static const unsigned char file_${number}[] = {\n${bytes}};\n\n")
    string(APPEND rows "    if (!strcmp(name, \"${name}\")) {\n        *size = sizeof file_${number};\n        return (const char *)file_${number};\n    }\n")
    math(EXPR number "${number} + 1")
endforeach()
string(APPEND text "const char *${FUNCTION}(const char *name, size_t *size)\n{\n${rows}    *size = 0;\n    return NULL;\n}\n")
file(WRITE ${OUT} "${text}")
