# WebAssembly with 128-bit vectors, by Emscripten's own toolchain file; as a module that needs nothing but WASI.
execute_process(COMMAND em-config EMSCRIPTEN_ROOT OUTPUT_VARIABLE MOTE_EMSCRIPTEN OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT MOTE_EMSCRIPTEN)
  message(FATAL_ERROR "Emscripten is not installed: em-config does not run")
endif()
set(CMAKE_C_FLAGS_INIT "-msimd128")
set(CMAKE_CXX_FLAGS_INIT "-msimd128")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-sSTANDALONE_WASM=1 -sERROR_ON_UNDEFINED_SYMBOLS=0 -sWARN_ON_UNDEFINED_SYMBOLS=0")
include(${MOTE_EMSCRIPTEN}/cmake/Modules/Platform/Emscripten.cmake)
