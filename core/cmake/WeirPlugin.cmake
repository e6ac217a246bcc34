# weir_add_plugin(NAME SOURCES …): a plugin from its sources. Part of the build and of the installed package.
#
#   find_package(weir REQUIRED)
#   weir_add_plugin(my_generator my_generator.c)      -> my_generator.so in the build folder
function(weir_add_plugin name)
    set(target weir_plugin_${name})
    if(TARGET ${target})
        message(FATAL_ERROR "two plugins are called '${name}'")
    endif()
    add_library(${target} MODULE ${ARGN})
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} PREFIX "" SUFFIX ".so"
        C_STANDARD 11 C_VISIBILITY_PRESET hidden)
    if(TARGET weir::weir)
        target_link_libraries(${target} PRIVATE weir::weir m)
    else()
        target_link_libraries(${target} PRIVATE weir m)
    endif()
    target_link_options(${target} PRIVATE -Wl,--build-id=sha1)
endfunction()
