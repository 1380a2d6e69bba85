# What is said to and heard from a LiveKit server, as bytes; and the payload that a child gets. Written by hand on the
# same reader and writer as the children's messages: no protobuf at run time. Pure: no uv.h, no clock.
andiron_library(andiron_livekit_wire
  SOURCES messages.cc payload.cc
  DEPENDS andiron_ipc absl::status absl::statusor)
