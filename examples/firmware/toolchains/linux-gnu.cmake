# What the cross compilers for Linux that Debian packages have in common. The file of an architecture sets MOTE_ARCH, as
# compilers and QEMU call it, MOTE_TRIPLE and MOTE_CPU_FLAGS, and includes this one.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${MOTE_ARCH})

set(CMAKE_C_COMPILER ${MOTE_TRIPLE}-gcc)
set(CMAKE_CXX_COMPILER ${MOTE_TRIPLE}-g++)
set(CMAKE_C_FLAGS_INIT "${MOTE_CPU_FLAGS}")
set(CMAKE_CXX_FLAGS_INIT "${MOTE_CPU_FLAGS}")

# A prefix that is asked for by name is for the target too: CMAKE_PREFIX_PATH=/where/mote/was/installed.
set(CMAKE_FIND_ROOT_PATH /usr/${MOTE_TRIPLE} ${CMAKE_PREFIX_PATH})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# Where QEMU is installed, programs that the build itself runs are run by it, and tests too.
find_program(MOTE_EMULATOR qemu-${MOTE_ARCH})
if(MOTE_EMULATOR)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${MOTE_EMULATOR} -L /usr/${MOTE_TRIPLE})
endif()
