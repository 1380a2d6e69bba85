andiron_library(andiron_livekit_agent
  SOURCES agent.cc agent_invariants.cc agent_jobs.cc agent_link.cc agent_load.cc agent_offers.cc agent_outbox.cc
          agent_texts.cc
  DEPENDS andiron_jobs)
target_compile_definitions(andiron_livekit_agent PRIVATE ANDIRON_VERSION="${PROJECT_VERSION}")
