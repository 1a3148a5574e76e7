# A program exits with 0 and prints exactly what a file holds.
#
#   cmake "-DRUN=PROGRAM;ARGUMENT..." -DEXPECTED=FILE -P test_output.cmake

execute_process(COMMAND ${RUN} RESULT_VARIABLE status OUTPUT_VARIABLE output)
file(READ ${EXPECTED} expected)
if(NOT status EQUAL 0 OR NOT output STREQUAL expected)
  message(FATAL_ERROR "exit status ${status}, and\n${output}where this was expected:\n${expected}")
endif()
message("${output}")
