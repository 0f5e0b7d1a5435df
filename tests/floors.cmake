# cmake -D ROOT=<repository> -P floors.cmake
# Reads the sources and fails on a breach of the house rules: who may include whom, which library lives where, no talk in the library,
# no file above 700 lines.

cmake_minimum_required(VERSION 3.22)

set(folders base energy crossbar eqprop/data eqprop/model eqprop/settle eqprop/learn eqprop/kernel eqprop/train experiments)

# folder -> folders below it (its own is always allowed)
set(below_base "")
set(below_energy base)
set(below_crossbar base energy)
set(below_eqprop/data base energy)
set(below_eqprop/model base energy crossbar)
set(below_eqprop/settle ${below_eqprop/model} eqprop/model)
set(below_eqprop/learn ${below_eqprop/settle} eqprop/settle)
set(below_eqprop/kernel base)
set(below_eqprop/train ${below_eqprop/learn} eqprop/learn eqprop/data eqprop/kernel)
set(below_experiments ${below_eqprop/train} eqprop/train)

# <what> <pattern of code> <folders that may>; more than one folder with |
set(only_in
  "Eigen" "#[ \t]*include[ \t]*[<\"](Eigen|unsupported)/" "crossbar|eqprop|experiments"
  "spdlog and CLI11" "#[ \t]*include[ \t]*[<\"](spdlog|CLI)/" "experiments"
  "Highway" "#[ \t]*include[ \t]*[<\"]hwy/" "eqprop/kernel|crossbar/kernel"
  "Ceres" "#[ \t]*include[ \t]*[<\"]ceres/" "eqprop/settle|crossbar/fit"
  "threads" "std::(j?thread|async)[^A-Za-z0-9_]|pthread|#[ \t]*include[ \t]*[<\"](thread|future|omp\\.h)|#[ \t]*pragma[ \t]+omp" "base"
  "printing" "std::(cout|cerr|clog)|#[ \t]*include[ \t]*<(iostream|print)>|(^|[^A-Za-z0-9_])v?f?(printf|puts|putchar) *\\(" "experiments"
  "ending the process" "(^|[^A-Za-z0-9_.>])(exit|_Exit|quick_exit|abort|terminate) *\\(" "experiments"
  "the environment" "(^|[^A-Za-z0-9_])(secure_getenv|getenv|setenv|putenv) *\\(" "experiments"
  "standard random numbers" "#[ \t]*include[ \t]*<random>|(^|[^A-Za-z0-9_])s?rand *\\(" "experiments")

set(breaches 0)
macro(breach message)
  message("${file}: ${message}")
  math(EXPR breaches "${breaches} + 1")
endmacro()

# the longest folder of the list that holds `path`, or nothing
function(folder_of path out)
  set(found "")
  foreach(folder IN LISTS folders)
    string(FIND "${path}" "${folder}/" at)
    if(at EQUAL 0)
      set(found ${folder})
    endif()
  endforeach()
  set(${out} "${found}" PARENT_SCOPE)
endfunction()

set(patterns "")
foreach(top base energy crossbar eqprop experiments)
  list(APPEND patterns ${ROOT}/${top}/*.h ${ROOT}/${top}/*.cpp)
endforeach()
file(GLOB_RECURSE files RELATIVE ${ROOT} ${patterns})
list(LENGTH files count)
if(count EQUAL 0)
  message(FATAL_ERROR "floors: no sources under ${ROOT}")
endif()

foreach(file IN LISTS files)
  file(READ ${ROOT}/${file} text)
  string(REGEX REPLACE "[^\n]" "" newlines "${text}")
  string(LENGTH "${newlines}" lines)
  if(lines GREATER 700)
    breach("${lines} lines, 700 at most")
  endif()

  # comments may speak of anything
  string(REGEX REPLACE "//[^\n]*" "" text "${text}")

  folder_of(${file} home)
  if(NOT home)
    breach("lies in no folder known to tests/floors.cmake")
    continue()
  endif()

  # who includes whom
  string(REGEX MATCHALL "#[ \t]*include[ \t]*[<\"][^>\"\n]*[>\"]" includes "${text}")
  foreach(include IN LISTS includes)
    string(REGEX REPLACE ".*([<\"])([^>\"]*)[>\"]" "\\1" quote "${include}")
    string(REGEX REPLACE ".*[<\"]([^>\"]*)[>\"]" "\\1" path "${include}")
    folder_of("${path}" target)
    if(target)
      if(NOT target STREQUAL home AND NOT target IN_LIST below_${home})
        breach("includes \"${path}\": ${home} may not use ${target}")
      endif()
    elseif(path MATCHES "^(tests|bench)/")
      breach("includes \"${path}\": tests and benchmarks are not part of the house")
    elseif(quote STREQUAL "\"" AND NOT path MATCHES "^hwy/")
      breach("includes \"${path}\": write the path from the root of the repository, and <...> for other libraries")
    endif()
  endforeach()

  # what lives where
  set(rules ${only_in})
  while(rules)
    list(POP_FRONT rules what pattern allowed)
    if(NOT file MATCHES "^(${allowed})/" AND text MATCHES "${pattern}")
      string(STRIP "${CMAKE_MATCH_0}" hit)
      string(REPLACE "|" ", " allowed "${allowed}")
      breach("`${hit}`: ${what} only in ${allowed}")
    endif()
  endwhile()
endforeach()

if(breaches GREATER 0)
  message(FATAL_ERROR "floors: ${breaches} breaches in ${count} files")
endif()
message("floors: ${count} files, no breach")
