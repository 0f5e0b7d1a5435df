# cmake -D BUILD= -D WORK= -D PREFIX= -D CONFIG= -D INCLUDE= -D BIN= -D DATA= -P install.cmake
# Installs the build into an empty folder and looks whether all that should lie there does.
cmake_minimum_required(VERSION 3.22)

file(REMOVE_RECURSE ${WORK})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX} --config ${CONFIG}
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "cmake --install failed (is everything built?):\n${output}")
endif()

foreach(file
    ${BIN}/eqprop
    ${DATA}/eqprop/config/digits.toml
    ${DATA}/eqprop/data/digits.csv.gz
    ${DATA}/eqprop/prices/cmos130.toml
    ${DATA}/eqprop/study/digits.toml
    ${DATA}/man/man1/eqprop.1
    ${DATA}/bash-completion/completions/eqprop
    ${DATA}/zsh/site-functions/_eqprop
    ${DATA}/fish/vendor_completions.d/eqprop.fish
    ${INCLUDE}/eqprop/base/random.h
    ${INCLUDE}/eqprop/energy/ledger.h
    ${INCLUDE}/eqprop/crossbar/converter.h
    ${INCLUDE}/eqprop/eqprop/model/network.h
    ${INCLUDE}/eqprop/eqprop/train/trainer.h)
  if(NOT EXISTS ${PREFIX}/${file})
    message(SEND_ERROR "not installed: ${file}")
  endif()
endforeach()

# an installed header includes only installed headers
file(GLOB_RECURSE headers RELATIVE ${PREFIX}/${INCLUDE}/eqprop ${PREFIX}/${INCLUDE}/eqprop/*)
foreach(header IN LISTS headers)
  file(STRINGS ${PREFIX}/${INCLUDE}/eqprop/${header} includes REGEX "^#include \"")
  foreach(include IN LISTS includes)
    string(REGEX REPLACE "^#include \"([^\"]*)\".*" "\\1" path "${include}")
    if(NOT path IN_LIST headers)
      message(SEND_ERROR "${header} includes \"${path}\", which is not installed")
    endif()
  endforeach()
endforeach()
