# eqprop_module(): one static library per module, remembered for the install rules

# link targets a module may export, and the find_dependency() call an outside project then needs
set(EQPROP_PACKAGE_Threads::Threads "Threads")
set(EQPROP_PACKAGE_Eigen3::Eigen "Eigen3 NO_MODULE")
set(EQPROP_PACKAGE_ZLIB::ZLIB "ZLIB")
set(EQPROP_PACKAGE_Ceres::ceres "Ceres")
set(EQPROP_PACKAGE_hwy::hwy "hwy")

# eqprop_module(<name> SOURCES ... PUBLIC <libraries> PRIVATE <libraries>)
# Makes the static library eqprop_<name>, alias eqprop::<name>, from the sources listed. What stands as $<BUILD_INTERFACE:...> is not
# passed on to outside projects. Modules are made in the order of the floors: lower ones first.
function(eqprop_module name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;PUBLIC;PRIVATE")
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "eqprop_module(${name}): unknown argument ${ARG_UNPARSED_ARGUMENTS}; use SOURCES, PUBLIC, PRIVATE")
  endif()
  add_library(eqprop_${name} STATIC ${ARG_SOURCES})
  add_library(eqprop::${name} ALIAS eqprop_${name})
  set_target_properties(eqprop_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_compile_features(eqprop_${name} PUBLIC cxx_std_20)
  target_include_directories(eqprop_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/eqprop>)
  # a native library and a plain program must agree on the alignment of Eigen's memory; Eigen never threads by itself
  target_compile_definitions(eqprop_${name} PUBLIC EIGEN_MAX_ALIGN_BYTES=64 EIGEN_DONT_PARALLELIZE)
  target_link_libraries(eqprop_${name} PUBLIC ${ARG_PUBLIC} PRIVATE $<BUILD_INTERFACE:eqprop_flags> ${ARG_PRIVATE})

  # what an outside project needs for this component
  set(modules "")
  set(packages "")
  foreach(library IN LISTS ARG_PUBLIC ARG_PRIVATE)
    if(library MATCHES "^eqprop::(.+)$")
      list(APPEND modules ${CMAKE_MATCH_1})
    elseif(DEFINED EQPROP_PACKAGE_${library})
      list(APPEND packages "${EQPROP_PACKAGE_${library}}")
    elseif(NOT library MATCHES "^\\$<BUILD_INTERFACE:")
      message(FATAL_ERROR "eqprop_module(${name}): no find_dependency() known for ${library}; add it to the list in cmake/module.cmake")
    endif()
  endforeach()
  set_property(GLOBAL APPEND PROPERTY EQPROP_MODULES ${name})
  set_property(GLOBAL PROPERTY EQPROP_MODULES_OF_${name} ${modules})
  set_property(GLOBAL PROPERTY EQPROP_PACKAGES_OF_${name} ${packages})
  cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR BASE_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE folder)
  set_property(GLOBAL PROPERTY EQPROP_FOLDER_OF_${name} ${folder})
endfunction()
