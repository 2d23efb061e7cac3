// run.mjs: runs a WASI module with a console, its arguments and the current folder to write to; its status is the exit
// status. Node.js 18 needs --experimental-wasi-unstable-preview1, which later ones take too.
//
//   node --no-warnings --experimental-wasi-unstable-preview1 run.mjs MODULE.wasm [ARGUMENT...]
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const path = process.argv[2];
const wasi = new WASI({
  version: "preview1",
  args: process.argv.slice(2),
  preopens: { ".": "." },
  returnOnExit: true,
});
const module = await WebAssembly.compile(await readFile(path));
const instance = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: wasi.wasiImport });
process.exitCode = wasi.start(instance);
