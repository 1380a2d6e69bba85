andiron_test(livekit_agent_test
  SOURCES agent_link_test.cc agent_load_test.cc agent_jobs_test.cc agent_offers_test.cc agent_outbox_test.cc
          agent_texts_test.cc
  DEPENDS andiron_livekit_agent andiron_driver LABELS livekit)
