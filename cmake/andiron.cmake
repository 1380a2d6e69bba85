# What every target of the project shares.

# Warnings and sanitizers: linked by our own targets, never by what is installed.
add_library(andiron_build INTERFACE)
target_compile_options(andiron_build INTERFACE -Wall -Wextra -Wshadow -Wconversion -Wswitch-enum -Wnon-virtual-dtor)
if(ANDIRON_WERROR)
  target_compile_options(andiron_build INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # With optimization, g++ 12 sees overlaps in std::string's operator+ that aren't there (GCC bug 105329).
  target_compile_options(andiron_build INTERFACE -Wno-restrict)
endif()
if(ANDIRON_SANITIZE)
  target_compile_options(andiron_build INTERFACE -fsanitize=${ANDIRON_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(andiron_build INTERFACE -fsanitize=${ANDIRON_SANITIZE})
endif()

# andiron_library(NAME SOURCES ... DEPENDS ...): a static library of ours. Includes are written from the root.
function(andiron_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  target_link_libraries(${name} PUBLIC ${ARG_DEPENDS} PRIVATE $<BUILD_INTERFACE:andiron_build>)
endfunction()

# andiron_program(NAME SOURCES ... DEPENDS ... [STATIC])
# STATIC links the whole program statically, but for sanitizer builds, whose runtimes can't be.
function(andiron_program name)
  cmake_parse_arguments(ARG "STATIC" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} andiron_build)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  if(ARG_STATIC AND NOT ANDIRON_SANITIZE)
    target_link_options(${name} PRIVATE -static)
  endif()
endfunction()

# What every test finds in its environment. A test that shows rows of docs/faults.md leaves a record in SHOWN_DIR.
set(andiron_test_environment
  "ANDIRON_BIN_DIR=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}"
  "ANDIRON_SOURCE_DIR=${PROJECT_SOURCE_DIR}"
  "ANDIRON_SHOWN_DIR=${PROJECT_BINARY_DIR}/shown")
# andiron_python_path(VARIABLE FOLDER ...): the environment of a Python test with these folders of ours on its path.
function(andiron_python_path variable)
  list(TRANSFORM ARGN PREPEND ${PROJECT_SOURCE_DIR}/ OUTPUT_VARIABLE folders)
  list(JOIN folders ":" path)
  set(${variable} "${andiron_test_environment};PYTHONPATH=${path}:${PROJECT_SOURCE_DIR}/tests/support" PARENT_SCOPE)
endfunction()

# andiron_test(NAME SOURCES ... DEPENDS ... [LABELS ...] [TIMEOUT seconds]): one test program = one ctest entry.
function(andiron_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPENDS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} andiron_test_shows GTest::gmock GTest::gtest_main andiron_build)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}"
    ENVIRONMENT "${andiron_test_environment}")
endfunction()
