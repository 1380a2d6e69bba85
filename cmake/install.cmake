# What `cmake --install` puts where: the two libraries that programs link (andiron::worker, andiron::child) with those
# that they consist of, the public headers, a CMake package, two pkg-config files, and the command.

include(CMakePackageConfigHelpers)

set(libraries andiron_driver andiron_children andiron_child andiron_base andiron_ipc andiron_jobs andiron_proto_child)
set_target_properties(andiron_driver PROPERTIES EXPORT_NAME worker)
set_target_properties(andiron_child PROPERTIES EXPORT_NAME child)
install(TARGETS ${libraries} EXPORT andironTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(DIRECTORY jobs/include/andiron worker/include/andiron DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  COMPONENT development FILES_MATCHING PATTERN "*.h")

# What a LiveKit job brings to its child, for children that make classes of their own from it.
install(FILES proto/agent_job.proto DESTINATION ${CMAKE_INSTALL_DATADIR}/andiron COMPONENT development)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/andiron)
install(EXPORT andironTargets NAMESPACE andiron:: DESTINATION ${package} COMPONENT development)
configure_package_config_file(cmake/andironConfig.cmake.in ${PROJECT_BINARY_DIR}/andironConfig.cmake
  INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/andironConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/andironConfig.cmake ${PROJECT_BINARY_DIR}/andironConfigVersion.cmake
  DESTINATION ${package} COMPONENT development)

# Wherever it is installed in the end (--prefix), the .pc file finds its own way back.
file(RELATIVE_PATH to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
foreach(name andiron andiron-child)
  configure_file(cmake/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
endforeach()

if(TARGET andiron)
  install(TARGETS andiron RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT command)
endif()
