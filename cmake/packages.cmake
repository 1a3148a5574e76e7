# Debian packages: libentropy0, libentropy-dev and entropy, the command.
#
#   cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr && cmake --build build && (cd build && cpack -G DEB)
#
# For the prefix /usr alone GNUInstallDirs chooses the directories of Debian.
if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr" OR NOT ENTROPY_BUILD_COMMAND)
  return()
endif()

# Installed with one component, and not with everything.
foreach(package runtime:libentropy0 dev:libentropy-dev command:entropy)
  string(REGEX MATCH "^[a-z]+" component ${package})
  string(REGEX REPLACE "^[a-z]+:" "" name ${package})
  string(TOUPPER ${component} COMPONENT)
  set(CPACK_DEBIAN_${COMPONENT}_PACKAGE_NAME ${name})
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name} RENAME copyright
    COMPONENT ${component} EXCLUDE_FROM_ALL)
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VENDOR "The libentropy authors")
set(CPACK_DEBIAN_PACKAGE_MAINTAINER ${CPACK_PACKAGE_VENDOR})
set(CPACK_COMPONENTS_ALL runtime dev command)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_RUNTIME_DESCRIPTION "The library: entropy, varentropy, log-probabilities and the gradient of every row of an array, in one sweep over memory.")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
# What is linked with this version asks for it or a later one.
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")

set(CPACK_DEBIAN_DEV_DESCRIPTION "To build with the library: headers for C and C++, the static library, a CMake package, pkg-config's file, and manual pages.")
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libentropy0 (= ${PROJECT_VERSION})")
if(ENTROPY_WITH_SLEEF) # for the static library; the CMake package asks pkg-config for it
  string(APPEND CPACK_DEBIAN_DEV_PACKAGE_DEPENDS ", libsleef-dev, pkg-config")
endif()

set(CPACK_DEBIAN_COMMAND_DESCRIPTION "The command: prints how certain a model was of each token, from .npy files of its logits, as text, JSON, CSV or a page.")
set(CPACK_DEBIAN_COMMAND_PACKAGE_SECTION science)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SHLIBDEPS ON)

include(CPack)
