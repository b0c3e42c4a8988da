# Each tests/fuzz/fuzz_*.c is a libFuzzer program of its own, in the preset `fuzz` alone (libFuzzer is
# clang's); the corpus it starts from is tests/fuzz/corpus/*. `./nxt fuzz` builds and runs them.
file(GLOB fuzzers CONFIGURE_DEPENDS tests/fuzz/fuzz_*.c)
add_custom_target(fuzzers)
foreach(source ${fuzzers})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} EXCLUDE_FROM_ALL ${source})
  target_compile_options(${name} PRIVATE ${NXT_WARNINGS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(${name} PRIVATE nxt_common)
  add_dependencies(fuzzers ${name})
endforeach()
target_sources(fuzz_mustache PRIVATE services/notify/mustache.c)
target_include_directories(fuzz_mustache PRIVATE services/notify)
