# How scripts/setup builds llama.cpp, besides CMAKE_ARGS. CMake reads it after `project(llama_cpp)`.

# the Python package insists on this library of llama.cpp's programs unless its project says so first
set(LLAMA_BUILD_COMMON OFF)

# With GGML_CPU_ALL_VARIANTS the CPU part becomes a library per kind of processor, and the best one
# that the machine has the instructions for is chosen when the program runs. llama.cpp builds 14 of
# them for x86 and has no option for fewer; these five are what speed needs (38 s of CPU time each):
#
#   sse42      the least that numpy runs on, too        haswell   AVX2: Intel since 2013, AMD since 2015
#   alderlake  AVX2 and VNNI: Intel's since 2021        icelake   AVX-512 and VNNI
#   zen4       … and BF16: AMD since 2022, servers
#
# Never among them: sapphirerapids, which is zen4 and AMX. Virtual machines announce AMX and then
# refuse it, and the worker would be killed by its first instruction of that kind.
set(ai_sidecar_variants sse42 haswell alderlake icelake zen4)

# CMake keeps the earlier definition of a command that is defined anew under its name with a `_`.
macro(add_subdirectory)
    _add_subdirectory(${ARGN})
    if("${ARGN}" STREQUAL "ggml-cpu" AND GGML_CPU_ALL_VARIANTS)
        cmake_language(EVAL CODE [[
            function(ggml_add_cpu_backend_variant_impl variant)
                if(variant IN_LIST ai_sidecar_variants)
                    _ggml_add_cpu_backend_variant_impl(${variant})
                endif()
            endfunction()
        ]])
    endif()
endmacro()
