# Not built by default: the HTTP server alone, for HTTP probes and load.
add_executable(http_probe_server EXCLUDE_FROM_ALL tests/unit/http_probe_server.c)
target_compile_options(http_probe_server PRIVATE ${NXT_WARNINGS})
target_link_libraries(http_probe_server PRIVATE nxt_common)

# What it is measured against: an llhttp + bufferevent loop with nothing else (./nxt bench bare).
add_executable(bare_loop EXCLUDE_FROM_ALL tests/bench/bare_loop.c)
target_compile_options(bare_loop PRIVATE ${NXT_WARNINGS})
target_link_libraries(bare_loop PRIVATE llhttp PkgConfig::PKG_libevent_core PkgConfig::PKG_libevent_extra)

# Arrivals that do not wait for answers (./nxt chaos R5 R8).
add_executable(open_loop EXCLUDE_FROM_ALL tests/chaos/open_loop.c)
target_compile_options(open_loop PRIVATE ${NXT_WARNINGS})
target_compile_definitions(open_loop PRIVATE _GNU_SOURCE)
