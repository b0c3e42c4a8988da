# llhttp, the HTTP/1.1 parser of Node.js, from the C sources in Debian's package node-llhttp.
# Strict mode is the parser that refuses what RFC 9112 forbids; no lenient flag is ever set.
find_path(LLHTTP_SOURCE_DIR llhttp.c PATHS /usr/share/llhttp NO_DEFAULT_PATH REQUIRED)
find_path(LLHTTP_INCLUDE_DIR llhttp.h PATHS /usr/share/include/llhttp NO_DEFAULT_PATH REQUIRED)

add_library(llhttp STATIC
  ${LLHTTP_SOURCE_DIR}/api.c
  ${LLHTTP_SOURCE_DIR}/http.c
  ${LLHTTP_SOURCE_DIR}/llhttp.c)
target_include_directories(llhttp SYSTEM PUBLIC ${LLHTTP_INCLUDE_DIR})
target_compile_definitions(llhttp PUBLIC LLHTTP_STRICT_MODE=1)
# Generated code: our warnings are not its.
target_compile_options(llhttp PRIVATE -w)
set_target_properties(llhttp PROPERTIES C_CLANG_TIDY "" C_CPPCHECK "")
