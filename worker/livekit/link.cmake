# The transport: WebSocket over TLS by libwebsockets on libuv, names, proxies, tokens.
pkg_check_modules(LWS REQUIRED IMPORTED_TARGET GLOBAL libwebsockets>=4.1)
pkg_check_modules(OPENSSL REQUIRED IMPORTED_TARGET GLOBAL openssl>=3.0)
andiron_library(andiron_livekit_link
  SOURCES link.cc link_impl.cc link_library.cc link_sample.cc link_text.cc link_tls.cc link_wire.cc
          proxy.cc resolve.cc token.cc
  DEPENDS andiron_base andiron_livekit_settings PkgConfig::LWS PkgConfig::OPENSSL PkgConfig::UV
          absl::flat_hash_map absl::status absl::statusor)
