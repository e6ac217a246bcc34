# cmake -DOUT=FILE.c -DFUNCTION=NAME -DFILES=a;b -P WeirText.cmake: writes a C file with a function that returns
# the texts of the files, one behind the other.
set(bytes "")
foreach(file ${FILES})
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
    string(REGEX REPLACE "(................................................................................)" "\\1\n" hex "${hex}")
    string(APPEND bytes "${hex}\n")
endforeach()
file(WRITE ${OUT} "/* Written by core/cmake/WeirText.cmake. */\nconst char *${FUNCTION}(void);\nstatic const unsigned char text[] = {\n${bytes}0};\n\nconst char *${FUNCTION}(void)\n{\n    return (const char *)text;\n}\n")
