# Not built by default: the HTTP server alone, for HTTP probes and load.
add_executable(http_probe_server EXCLUDE_FROM_ALL tests/unit/http_probe_server.c)
target_compile_options(http_probe_server PRIVATE ${NXT_WARNINGS})
target_link_libraries(http_probe_server PRIVATE nxt_common)
