# The libraries of Debian 12 that the project stands on; see docs on libraries for the reasons.
find_package(PkgConfig REQUIRED)
set(NXT_PACKAGE_INCLUDES)
set(NXT_PACKAGE_LIBRARIES)
foreach(package libevent_core libevent_extra libpq rdkafka libprotobuf-c jansson libsodium cjose
        libcrypto libcurl libutf8proc libidn2)
  pkg_check_modules(PKG_${package} REQUIRED IMPORTED_TARGET ${package})
  list(APPEND NXT_PACKAGE_LIBRARIES PkgConfig::PKG_${package})
endforeach()
pkg_check_modules(PKG_libcmark REQUIRED IMPORTED_TARGET libcmark)
pkg_check_modules(PKG_libcbor REQUIRED IMPORTED_TARGET libcbor)
