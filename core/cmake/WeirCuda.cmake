# libweir_cuda.so, the engine's CUDA back end: built where the CUDA toolkit is, skipped in words where it is not.
# libweir loads it when a graph is to run on a GPU. Its kernels are compiled for the GPU at hand by NVRTC.
option(WEIR_CUDA "Build the CUDA back end where the toolkit is" ON)
if(NOT WEIR_CUDA)
    message(STATUS "CUDA back end: switched off")
    return()
endif()
find_package(CUDAToolkit 12 QUIET)
if(NOT TARGET CUDA::cublasLt OR NOT TARGET CUDA::nvrtc OR NOT TARGET CUDA::cuda_driver)
    message(STATUS "CUDA back end: skipped, there is no CUDA toolkit (12 or newer) here")
    return()
endif()

file(GLOB cuda_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/core/nn/cuda/*.c)
set(cuda_text ${CMAKE_SOURCE_DIR}/core/nn/cuda/device.h ${CMAKE_SOURCE_DIR}/core/nn/philox.h
    ${CMAKE_SOURCE_DIR}/core/nn/cuda/kernels.cu)
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/cuda_kernels.c
    COMMAND ${CMAKE_COMMAND} -DOUT=${CMAKE_BINARY_DIR}/cuda_kernels.c -DFUNCTION=nn_cuda_kernels "-DFILES=${cuda_text}"
        -P ${CMAKE_SOURCE_DIR}/core/cmake/WeirText.cmake
    DEPENDS ${cuda_text} ${CMAKE_SOURCE_DIR}/core/cmake/WeirText.cmake VERBATIM)
add_library(weir_cuda SHARED ${cuda_sources} ${CMAKE_BINARY_DIR}/cuda_kernels.c)
target_include_directories(weir_cuda PRIVATE core core/include)
target_include_directories(weir_cuda SYSTEM PRIVATE ${CUDAToolkit_INCLUDE_DIRS})
target_link_libraries(weir_cuda PRIVATE weir PkgConfig::DEPENDENCIES CUDA::cublasLt CUDA::nvrtc CUDA::cuda_driver
    weir_flags)
find_path(CUDNN_INCLUDE cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
find_library(CUDNN_LIBRARY cudnn HINTS ${CUDAToolkit_LIBRARY_DIR})
if(CUDNN_INCLUDE AND CUDNN_LIBRARY)
    target_compile_definitions(weir_cuda PRIVATE WEIR_CUDNN)
    target_include_directories(weir_cuda SYSTEM PRIVATE ${CUDNN_INCLUDE})
    target_link_libraries(weir_cuda PRIVATE ${CUDNN_LIBRARY})
    message(STATUS "CUDA back end: toolkit ${CUDAToolkit_VERSION}, with cuDNN")
else()
    message(STATUS "CUDA back end: toolkit ${CUDAToolkit_VERSION}, without cuDNN")
endif()
install(TARGETS weir_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
