# Not built by default: the HTTP server alone, for HTTP probes and load, and its fuzzer.
add_executable(http_probe_server EXCLUDE_FROM_ALL tests/unit/http_probe_server.c)
target_compile_options(http_probe_server PRIVATE ${NXT_WARNINGS})
target_link_libraries(http_probe_server PRIVATE nxt_common)

# libFuzzer is clang's: CC=clang cmake -S . -B build/fuzz && ninja -C build/fuzz fuzz_http
if(CMAKE_C_COMPILER_ID MATCHES Clang)
  file(GLOB http_sources CONFIGURE_DEPENDS libcommon/http*.c)
  add_executable(fuzz_http EXCLUDE_FROM_ALL tests/fuzz/fuzz_http.c ${http_sources}
      libcommon/arena.c ${LLHTTP_SOURCE_DIR}/api.c ${LLHTTP_SOURCE_DIR}/http.c
      ${LLHTTP_SOURCE_DIR}/llhttp.c)
  target_compile_definitions(fuzz_http PRIVATE _GNU_SOURCE LLHTTP_STRICT_MODE=1)
  target_include_directories(fuzz_http PRIVATE libcommon)
  target_include_directories(fuzz_http SYSTEM PRIVATE ${LLHTTP_INCLUDE_DIR})
  target_compile_options(fuzz_http PRIVATE -g -O1 -fsanitize=fuzzer,address,undefined)
  target_link_options(fuzz_http PRIVATE -fsanitize=fuzzer,address,undefined)
  target_link_libraries(fuzz_http PRIVATE event)
endif()
