# For a wheel that runs on every x86-64 processor (scripts/build-wheel), included like options.cmake.

set(LLAMA_BUILD_COMMON OFF)

include("${CMAKE_CURRENT_LIST_DIR}/no_amx.cmake")

# The kernels are libraries of their own, one for each generation of processors, and llama-cpp-python loads none of them.
set(FOLDER "${CMAKE_CURRENT_LIST_DIR}")
cmake_language(DEFER CALL target_sources llama PRIVATE "${FOLDER}/load_backends.cpp")
