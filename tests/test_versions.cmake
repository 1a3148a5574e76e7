# One version everywhere: entropy.h has it, and the installed configuration and every package of a language must agree.
#
#   cmake -DSOURCE=... -DBUILD=... -P test_versions.cmake

file(READ ${SOURCE}/include/entropy.h header)
set(version "")
foreach(part MAJOR MINOR PATCH)
  if(NOT header MATCHES "#define ENTROPY_VERSION_${part} ([0-9]+)\n")
    message(FATAL_ERROR "entropy.h has no ENTROPY_VERSION_${part}")
  endif()
  list(APPEND version ${CMAKE_MATCH_1})
endforeach()
list(JOIN version "." version)

# agree(FILE PATTERN): what the pattern's one group matches in the file, everywhere that it does and at least once,
# is the version.
function(agree file pattern)
  file(READ ${file} text)
  string(REGEX MATCHALL "${pattern}" all "\n${text}")
  if(NOT all)
    message(FATAL_ERROR "${file} has no version")
  endif()
  foreach(one ${all})
    string(REGEX REPLACE "${pattern}" "\\1" one "${one}")
    if(NOT one STREQUAL version)
      message(FATAL_ERROR "${file} says ${one}, entropy.h ${version}")
    endif()
  endforeach()
  message("${version}  ${file}")
endfunction()

agree(${BUILD}/CMakeCache.txt "\nCMAKE_PROJECT_VERSION:STATIC=([^\n]*)")
agree(${BUILD}/entropy.pc "\nVersion: ([^\n]*)")
agree(${BUILD}/entropy-config-version.cmake "\nset\\(PACKAGE_VERSION \"([^\"]*)\"")
agree(${SOURCE}/include/entropy.h "\"([0-9.]+)\"\\. \\*/\nENTROPY_API const char \\*entropy_version")

# Where bindings are: a source archive for one language leaves the others out.
file(GLOB manifests ${SOURCE}/pyproject.toml ${SOURCE}/bindings/*/Project.toml ${SOURCE}/bindings/*/Cargo.toml ${SOURCE}/bindings/*/*/Cargo.toml)
foreach(manifest ${manifests})
  file(READ ${manifest} text)
  # Some take the version from entropy.h or from their workspace; some are never published.
  if(NOT text MATCHES "dynamic = \\[\"version\"\\]|\nversion\\.workspace = true|\npublish = false")
    agree(${manifest} "\nversion = \"([^\"]*)\"")
  endif()
  if(text MATCHES "\nlibentropy(-sys)? = [^\n]*version")
    agree(${manifest} "\nlibentropy[-sy]* = [^\n]*version = \"([^\"]*)\"[^\n]*")
  endif()
endforeach()
