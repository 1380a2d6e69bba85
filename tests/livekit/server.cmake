# Tests against the real server, which the first of them installs: where it can't be had they fail.
add_test(NAME livekit_server_install COMMAND ${PROJECT_SOURCE_DIR}/tools/livekit-server install)
set_tests_properties(livekit_server_install PROPERTIES TIMEOUT 1800 LABELS livekit FIXTURES_SETUP livekit_server)

# livekit_python_test(NAME MODULE): tests/livekit/MODULE.py, with the real server installed.
function(livekit_python_test name module)
  add_test(NAME ${name} COMMAND /usr/bin/python3 -B -m unittest -q ${module}
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}/tests/livekit)
  andiron_python_path(environment sdk/python tests/e2e)
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 LABELS livekit FIXTURES_REQUIRED livekit_server
    ENVIRONMENT "${environment}")
endfunction()

livekit_python_test(livekit_server_rules server_rules_test)
livekit_python_test(livekit_server_tool server_tool_test)
livekit_python_test(livekit_hostile_server hostile_server_test)
livekit_python_test(livekit_room_clerk room_clerk_test)
