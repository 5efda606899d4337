# What makes llama.cpp quicker to compile, included by CMake in llama.cpp's own project (CMAKE_PROJECT_llama.cpp_INCLUDE).
# The seconds are in docs/dependencies.md.

# Chat parsers, a command line, an HTTP client: half of the work, and llama-cpp-python, which asks for it, loads none of it.
set(LLAMA_BUILD_COMMON OFF)

include("${CMAKE_CURRENT_LIST_DIR}/no_amx.cmake")

# libllama reads files and builds graphs; the arithmetic, at -O3, is ggml's. Its samplers go through every token there is.
cmake_language(DEFER CALL target_compile_options llama PRIVATE -O1)
cmake_language(DEFER CALL set_source_files_properties "${CMAKE_CURRENT_SOURCE_DIR}/src/llama-sampler.cpp"
  TARGET_DIRECTORY llama PROPERTIES COMPILE_OPTIONS -O3 SKIP_PRECOMPILE_HEADERS ON)

# What nearly each of its files reads first.
cmake_language(DEFER CALL target_precompile_headers llama PRIVATE
  <algorithm> <functional> <map> <memory> <mutex> <random> <regex> <set> <sstream> <string> <thread> <unordered_map> <vector>)
