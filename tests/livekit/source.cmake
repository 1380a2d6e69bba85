# The whole worker against the real server, and against one that lies.
# ANDIRON_BURST=500 in the environment makes the burst the large one.
foreach(part jobs two_workers faults half_open rules hostile tls secrets burst)
  livekit_python_test(livekit_source_${part} source_${part}_test)
endforeach()
