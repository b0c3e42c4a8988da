# The event messages: proto/ compiled by protoc-c into the static library nxt_events. Users of
# the target get its include directory: #include "nxtgauge/events/v1/marketplace.pb-c.h".
find_package(PkgConfig REQUIRED)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)
find_program(PROTOC_C protoc-c REQUIRED)
# libprotobuf-c ships no code for the well-known types, so timestamp.proto is compiled here too.
find_path(PROTOBUF_WKT_DIR google/protobuf/timestamp.proto PATH_SUFFIXES include REQUIRED)

set(_proto_root ${CMAKE_CURRENT_LIST_DIR}/../proto)
get_filename_component(_proto_root ${_proto_root} ABSOLUTE)
set(_events_dir ${CMAKE_BINARY_DIR}/generated)
file(GLOB _event_protos CONFIGURE_DEPENDS RELATIVE ${_proto_root}
    ${_proto_root}/nxtgauge/events/v1/*.proto)

set(_event_sources)
set(_event_headers)
foreach(_proto google/protobuf/timestamp.proto ${_event_protos})
    string(REGEX REPLACE "\\.proto$" ".pb-c" _stem ${_proto})
    list(APPEND _event_sources ${_events_dir}/${_stem}.c)
    list(APPEND _event_headers ${_events_dir}/${_stem}.h)
endforeach()
list(TRANSFORM _event_protos PREPEND ${_proto_root}/ OUTPUT_VARIABLE _event_proto_paths)

# One run for all: they import each other and take a tenth of a second together.
add_custom_command(
    OUTPUT ${_event_sources} ${_event_headers}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${_events_dir}
    COMMAND ${PROTOC_C} -I ${_proto_root} -I ${PROTOBUF_WKT_DIR} --c_out=${_events_dir}
        google/protobuf/timestamp.proto ${_event_protos}
    DEPENDS ${_event_proto_paths}
    COMMENT "Compiling the event messages"
    VERBATIM)

add_library(nxt_events STATIC ${_event_sources} ${_event_headers})
target_include_directories(nxt_events SYSTEM PUBLIC ${_events_dir})
target_link_libraries(nxt_events PUBLIC PkgConfig::PROTOBUF_C)
# Generated code is not ours to keep free of warnings.
target_compile_options(nxt_events PRIVATE -w)
set_target_properties(nxt_events PROPERTIES C_CLANG_TIDY "" C_CPPCHECK "")
