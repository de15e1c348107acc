# Runs at install time. In: BEYLA_UNIT_SOURCES; BEYLA_UNIT_DIR and BEYLA_EXECUTABLE, below
# CMAKE_INSTALL_PREFIX or absolute.
cmake_path(ABSOLUTE_PATH BEYLA_UNIT_DIR BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}")
cmake_path(ABSOLUTE_PATH BEYLA_EXECUTABLE BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}")
file(GLOB units "${BEYLA_UNIT_SOURCES}/*.service" "${BEYLA_UNIT_SOURCES}/*.socket")
foreach(unit ${units})
  cmake_path(GET unit FILENAME name)
  set(installed "$ENV{DESTDIR}${BEYLA_UNIT_DIR}/${name}")
  message(STATUS "Installing: ${installed}")
  file(READ "${unit}" text)
  string(REPLACE "/usr/bin/beyla" "${BEYLA_EXECUTABLE}" text "${text}")
  file(WRITE "${installed}" "${text}")
endforeach()
