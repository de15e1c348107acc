# beyla_bpf_skeleton(TARGET name OUTPUT header SOURCES a.bpf.c ...): compiles each program file,
# links them into one object and generates its skeleton header.
find_program(BPF_CLANG NAMES clang-19 clang-18 clang-17 clang-16 REQUIRED)
find_program(BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED)

function(beyla_bpf_skeleton)
  cmake_parse_arguments(ARG "" "TARGET;NAME" "SOURCES" ${ARGN})
  set(out ${CMAKE_CURRENT_BINARY_DIR}/bpf)
  file(MAKE_DIRECTORY ${out})
  set(objects "")
  foreach(source ${ARG_SOURCES})
    get_filename_component(base ${source} NAME_WE)
    set(object ${out}/${base}.bpf.o)
    add_custom_command(
      OUTPUT ${object}
      COMMAND ${BPF_CLANG} -target bpf -mcpu=v3 -g -O2 -std=gnu11 -Wall -Wextra -Werror
              -Wno-unused-parameter -Wno-sign-compare -D__TARGET_ARCH_x86
              -I${PROJECT_SOURCE_DIR}/src -MD -MF ${object}.d
              -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${object}
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source}
      DEPFILE ${object}.d
      COMMENT "BPF ${source}" VERBATIM)
    list(APPEND objects ${object})
  endforeach()
  set(linked ${out}/${ARG_NAME}.bpf.o)
  set(header ${out}/${ARG_NAME}.skel.h)
  add_custom_command(OUTPUT ${linked}
    COMMAND ${BPFTOOL} gen object ${linked} ${objects} DEPENDS ${objects} VERBATIM)
  add_custom_command(OUTPUT ${header}
    COMMAND sh -c "${BPFTOOL} gen skeleton ${linked} name ${ARG_NAME} > ${header}"
    DEPENDS ${linked} VERBATIM)
  add_custom_target(${ARG_TARGET}_generate DEPENDS ${header})
  add_library(${ARG_TARGET} INTERFACE)
  add_dependencies(${ARG_TARGET} ${ARG_TARGET}_generate)
  target_include_directories(${ARG_TARGET} SYSTEM INTERFACE ${out})
endfunction()
