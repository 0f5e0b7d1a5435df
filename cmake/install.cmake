# install and export: one file of targets per module, so that a component asks only for what it needs itself

include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/eqprop)
get_property(modules GLOBAL PROPERTY EQPROP_MODULES)

set(EQPROP_COMPONENT_TABLE "")
foreach(module IN LISTS modules)
  get_property(folder GLOBAL PROPERTY EQPROP_FOLDER_OF_${module})
  get_property(needs GLOBAL PROPERTY EQPROP_MODULES_OF_${module})
  get_property(packages GLOBAL PROPERTY EQPROP_PACKAGES_OF_${module})
  string(APPEND EQPROP_COMPONENT_TABLE "set(_eqprop_modules_of_${module} \"${needs}\")\nset(_eqprop_packages_of_${module} \"${packages}\")\n")
  install(TARGETS eqprop_${module} EXPORT eqprop-${module} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT eqprop-${module} NAMESPACE eqprop:: DESTINATION ${package_dir} FILE eqprop-${module}-targets.cmake)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/eqprop/${folder}
    FILES_MATCHING PATTERN "*.h" PATTERN prices EXCLUDE)
endforeach()
install(TARGETS eqprop_eqprop EXPORT eqprop-eqprop)
install(EXPORT eqprop-eqprop NAMESPACE eqprop:: DESTINATION ${package_dir} FILE eqprop-eqprop-targets.cmake)

set(EQPROP_MODULE_LIST "${modules}")
get_property(EQPROP_UMBRELLA GLOBAL PROPERTY EQPROP_MODULES_OF_eqprop)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/eqprop-config.cmake.in ${PROJECT_BINARY_DIR}/eqprop-config.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/eqprop-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/eqprop-config.cmake ${PROJECT_BINARY_DIR}/eqprop-config-version.cmake DESTINATION ${package_dir})

# the program and its data
install(TARGETS eqprop RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY energy/prices experiments/config experiments/data experiments/device experiments/study DESTINATION ${CMAKE_INSTALL_DATADIR}/eqprop)
set(made ${PROJECT_BINARY_DIR}/experiments)
install(FILES ${made}/eqprop.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${made}/eqprop.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME eqprop)
install(FILES ${made}/_eqprop DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${made}/eqprop.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
