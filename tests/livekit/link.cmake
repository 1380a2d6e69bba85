andiron_library(andiron_livekit_link_rig
  SOURCES link_certificates.cc link_rig.cc
  DEPENDS andiron_livekit_link andiron_test_support GTest::gtest PkgConfig::OPENSSL)
andiron_test(livekit_address_test
  SOURCES proxy_test.cc token_test.cc url_test.cc
  DEPENDS andiron_livekit_link)
andiron_test(livekit_link_test
  SOURCES link_pressure_test.cc link_proxy_test.cc link_test.cc link_tls_test.cc
  DEPENDS andiron_livekit_link_rig LABELS processes TIMEOUT 300)
# In a network of its own.
andiron_test(livekit_link_half_open_test
  SOURCES link_half_open_test.cc
  DEPENDS andiron_livekit_link_rig LABELS processes)
# Each puts a function of its own in the place of the C library's.
andiron_test(livekit_link_sample_test
  SOURCES link_sample_test.cc
  DEPENDS andiron_livekit_link_rig LABELS processes)
andiron_test(livekit_link_names_test
  SOURCES link_names_test.cc
  DEPENDS andiron_livekit_link_rig LABELS processes)
andiron_test(livekit_link_setup_test
  SOURCES link_setup_test.cc
  DEPENDS andiron_livekit_link_rig)
