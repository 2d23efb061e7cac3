# WebAssembly with 128-bit vectors. A module that needs nothing but WASI, so that it runs in Node.js and out of browsers;
# Node.js 18 asks for the option, later ones take it.
wasm_prefix := em
wasm_flags := -msimd128
# path_open, which board.c imports, is unknown to Emscripten; an import that nobody has is refused by whoever runs it.
wasm_ldflags := -sSTANDALONE_WASM=1 -sERROR_ON_UNDEFINED_SYMBOLS=0 -sWARN_ON_UNDEFINED_SYMBOLS=0
wasm_packages := emscripten nodejs
wasm_machine := node --no-warnings --experimental-wasi-unstable-preview1 $(CURDIR)/examples/firmware/boards/wasm/run.mjs
