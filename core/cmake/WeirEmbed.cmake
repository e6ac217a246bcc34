# cmake -DOUT=FILE.c -DFILES=a.lua;b.lua -P WeirEmbed.cmake: writes a C file that holds the Lua half of
# the `weir` module, so that the program needs no files beside it.
set(text "/* Written by core/cmake/WeirEmbed.cmake. */\n#include \"lua/chunks.h\"\n#include <string.h>\n\n")
set(rows "")
foreach(file ${FILES})
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
    string(APPEND text "static const unsigned char ${name}[] = {\n${bytes}};\n\n")
    string(APPEND rows "    if (!strcmp(name, \"${name}\")) {\n        *size = sizeof ${name};\n        return (const char *)${name};\n    }\n")
endforeach()
string(APPEND text "const char *weir_lua_chunk(const char *name, size_t *size)\n{\n${rows}    *size = 0;\n    return NULL;\n}\n")
file(WRITE ${OUT} "${text}")
