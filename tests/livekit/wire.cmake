option(ANDIRON_FUZZ "Build the libFuzzer targets (clang only)" OFF)

andiron_test(livekit_messages_test
  SOURCES messages_test.cc messages_hostile_test.cc messages_memory_test.cc payload_test.cc
  DEPENDS andiron_livekit_wire andiron_proto_livekit_agent andiron_proto_agent_job)

# A few seconds of it on every build tree that has it; by hand for as long as one likes:
#     build/fuzz/bin/livekit_messages_fuzz -max_total_time=60 -max_len=4096 -rss_limit_mb=256 -malloc_limit_mb=16
if(ANDIRON_FUZZ)
  add_executable(livekit_messages_fuzz messages_fuzz.cc)
  target_include_directories(livekit_messages_fuzz PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_options(livekit_messages_fuzz PRIVATE -fsanitize=fuzzer)
  target_link_options(livekit_messages_fuzz PRIVATE -fsanitize=fuzzer)
  target_link_libraries(livekit_messages_fuzz PRIVATE
    andiron_livekit_wire andiron_proto_livekit_agent andiron_proto_agent_job andiron_build)
  target_compile_options(andiron_livekit_wire PRIVATE -fsanitize=fuzzer-no-link)
  target_compile_options(andiron_ipc PRIVATE -fsanitize=fuzzer-no-link)
  add_test(NAME livekit_messages_fuzz COMMAND livekit_messages_fuzz -max_total_time=10 -max_len=4096 -timeout=10
    -rss_limit_mb=512 -malloc_limit_mb=16 -print_final_stats=1)
  set_tests_properties(livekit_messages_fuzz PROPERTIES TIMEOUT 120)
endif()
