# The whole worker against the real server, and against one that lies.
# A library to preload, so without a sanitizer's runtime, which wants to be the first.
add_library(hanging-names MODULE hanging_names.cc)
set_target_properties(hanging-names PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
# ANDIRON_BURST=500 in the environment makes the burst the large one.
foreach(part jobs two_workers faults half_open rules hostile tls secrets burst)
  livekit_python_test(livekit_source_${part} source_${part}_test)
endforeach()
