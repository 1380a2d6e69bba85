# Installs the libraries to a prefix of its own, builds examples/embed outside the tree against it in both ways that
# there are (find_package, pkg-config), and runs it. Called with -DSOURCE -DBUILD -DWORK -DCXX -DFLAGS.

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output TIMEOUT 300)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${ARGN}\n${output}\n=> ${result}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

# It prints what it found, and links nothing that an embedder doesn't use.
function(check program)
  run(${program})
  foreach(line "360: 2 2 2 3 3 5" "999962000357: 999979 999983" "6 jobs, 1 failed")
    if(NOT output MATCHES "${line}")
      message(FATAL_ERROR "${program} does not say \"${line}\":\n${output}")
    endif()
  endforeach()
  run(readelf -d ${program})
  if(output MATCHES "NEEDED[^\n]*(websockets|yaml|libssl|libcrypto|libnats|curl)")
    message(FATAL_ERROR "${program} links more than it uses:\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
set(prefix ${WORK}/prefix)
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix} --component development)

file(COPY ${SOURCE}/examples/embed DESTINATION ${WORK})
run(${CMAKE_COMMAND} -S ${WORK}/embed -B ${WORK}/build -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_CXX_COMPILER=${CXX}
  -DCMAKE_CXX_FLAGS=${FLAGS})
run(${CMAKE_COMMAND} --build ${WORK}/build)
check(${WORK}/build/embed)

file(GLOB_RECURSE pc ${prefix}/*/andiron.pc)
cmake_path(GET pc PARENT_PATH folder)
run(${CMAKE_COMMAND} -E env PKG_CONFIG_PATH=${folder}
  pkg-config --cflags --libs andiron andiron-child)
separate_arguments(flags UNIX_COMMAND "${FLAGS} ${output}")
run(${CXX} -std=c++20 ${WORK}/embed/embed.cc -o ${WORK}/embed-by-pkg-config ${flags})
check(${WORK}/embed-by-pkg-config)
