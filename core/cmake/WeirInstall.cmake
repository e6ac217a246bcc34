# What `cmake --install` puts where: program, library, headers, plugins, CMake package, pkg-config file. The build
# folder is a CMake package too, so that a plugin can be built before anything is installed.
include(CMakePackageConfigHelpers)
install(TARGETS weir EXPORT weirTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
set_target_properties(weir_program PROPERTIES EXPORT_NAME program)
install(TARGETS weir_program EXPORT weirTargets RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${CMAKE_SOURCE_DIR}/core/include/weir DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT weirTargets NAMESPACE weir:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/weir)
export(EXPORT weirTargets NAMESPACE weir:: FILE ${CMAKE_BINARY_DIR}/weirTargets.cmake)
configure_file(${CMAKE_SOURCE_DIR}/core/cmake/WeirPlugin.cmake ${CMAKE_BINARY_DIR}/WeirPlugin.cmake COPYONLY)
install(FILES ${CMAKE_SOURCE_DIR}/core/cmake/WeirPlugin.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/weir)
file(WRITE ${CMAKE_BINARY_DIR}/weirConfig.cmake
    "include(\"\${CMAKE_CURRENT_LIST_DIR}/weirTargets.cmake\")\ninclude(\"\${CMAKE_CURRENT_LIST_DIR}/WeirPlugin.cmake\")\n")
write_basic_package_version_file(${CMAKE_BINARY_DIR}/weirConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/weirConfig.cmake ${CMAKE_BINARY_DIR}/weirConfigVersion.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/weir)
file(RELATIVE_PATH WEIR_INCLUDE_FROM_PC
    /${CMAKE_INSTALL_LIBDIR}/pkgconfig /${CMAKE_INSTALL_INCLUDEDIR})
configure_file(${CMAKE_SOURCE_DIR}/core/cmake/weir.pc.in ${CMAKE_BINARY_DIR}/weir.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/weir.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
