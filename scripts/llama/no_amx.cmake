# llama.cpp without Intel's tile instructions (AMX): virtual machines announce them that cannot run them, and then the
# process dies of an illegal instruction in the first prompt. They would speed up the reading of long prompts alone.

include(CheckCXXCompilerFlag)
check_cxx_compiler_flag(-mno-amx-int8 KNOWS_AMX)

function(leave_out_amx)
  get_property(folders DIRECTORY PROPERTY SUBDIRECTORIES)
  while(folders)
    list(POP_FRONT folders folder)
    get_property(below DIRECTORY "${folder}" PROPERTY SUBDIRECTORIES)
    get_property(targets DIRECTORY "${folder}" PROPERTY BUILDSYSTEM_TARGETS)
    list(APPEND folders ${below})
    list(FILTER targets INCLUDE REGEX "^ggml-cpu")
    foreach(target IN LISTS targets)
      target_compile_options(${target} PRIVATE -mno-amx-tile -mno-amx-int8 -mno-amx-bf16)
    endforeach()
  endwhile()
endfunction()

if(KNOWS_AMX)
  cmake_language(DEFER CALL leave_out_amx)
endif()
