# The README's examples, as the README prints them: each must compile, exit with 0 and print, to the letter, the block that
# follows it. The numbers expected here are those of the formulas, evaluated in double by another program.
include(extract.cmake)

# readme_example(NAME FIRST_LINE LINE...): FIRST_LINE begins the example, LINE... is its output.
function(readme_example name first_line)
  list(JOIN ARGN "\n" output)
  file(READ ${PROJECT_SOURCE_DIR}/README.md text)
  string(FIND "${text}" "```\n${output}\n```" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "README.md does not print what ${name} does: ${output}")
  endif()
  extract_block(${PROJECT_SOURCE_DIR}/README.md ${CMAKE_CURRENT_BINARY_DIR}/${name}.c "${first_line}")
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}.expected CONTENT "${output}\n" @ONLY)
  add_executable(${name} ${CMAKE_CURRENT_BINARY_DIR}/${name}.c)
  target_link_libraries(${name} PRIVATE entropy m)
  add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} "-DRUN=${CMAKE_CROSSCOMPILING_EMULATOR};$<TARGET_FILE:${name}>"
    -DEXPECTED=${CMAKE_CURRENT_BINARY_DIR}/${name}.expected -P ${CMAKE_CURRENT_SOURCE_DIR}/test_output.cmake)
endfunction()

readme_example(readme_example "#include <entropy.h>" "success: 1.1443 and 1.2985e-07 nats")
readme_example(readme_gradient "/* Reinforcement learning:" "loss 3.64647, last row 0.49864 2.880e-06 1.606e-04 -0.49880")
readme_example(readme_sampler "/* A sampler:" "H 0.6083, V 0.7610, token 0" "H 1.1242, V 0.4308, token 1")
readme_example(readme_evaluation "/* Evaluation:" "4 tokens, 1.3560 nats each, perplexity 3.881")
readme_example(readme_pieces "/* A row of 6,000 logits" "H 6.5373, log sum exp 28.9919, token 3247 of 6000")
