// Times one ONNX model in ONNX Runtime: batch 1, one thread. Speaks as `forward_bench --turns`: a first line of JSON,
// then for each line on stdin one line {"ms": [...], "cpu_ms": of a pass}. Needs onnxruntime-node (NODE_PATH).
//
//   node ort_forward.js PREFIX VARIANT [seconds] [profile prefix]
//
// PREFIX as for onnx_export.py; VARIANT: f32, u8s8, s8s8, call. The first line has the error against the output of
// PyTorch in float.
'use strict';
const fs = require('fs');
const readline = require('readline');
const ort = require('onnxruntime-node');

const floats = (path) => new Float32Array(new Uint8Array(fs.readFileSync(path)).buffer);

function relativeError(found, wanted) {
  let difference = 0;
  let size = 0;
  for (let i = 0; i < wanted.length; ++i) {
    difference += (found[i] - wanted[i]) ** 2;
    size += wanted[i] ** 2;
  }
  return Math.sqrt(difference / size);
}

async function main() {
  const [prefix, variant, seconds = '0.5', profile] = process.argv.slice(2);
  const shape = JSON.parse(fs.readFileSync(prefix + '.json', 'utf8')).shape;
  const options = {
    intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential', graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  };
  if (profile) Object.assign(options, {enableProfiling: true, profileFilePrefix: profile});
  const session = await ort.InferenceSession.create(`${prefix}.${variant}.onnx`, options);
  const feeds = {x: new ort.Tensor('float32', floats(prefix + '.x.bin'), shape)};
  let result;
  for (let i = 0; i < 3; ++i) result = await session.run(feeds);
  const error = variant === 'call' ? undefined : relativeError(result.y.data, floats(prefix + '.y.bin'));
  console.log(JSON.stringify({variant, error, threads: options.intraOpNumThreads}));
  for await (const line of readline.createInterface({input: process.stdin})) {
    const ms = [];
    const usage = process.cpuUsage();
    const start = performance.now();
    while (ms.length < 2 || performance.now() - start < seconds * 1000) {
      const before = performance.now();
      await session.run(feeds);
      ms.push(performance.now() - before);
    }
    const {user, system} = process.cpuUsage(usage);
    console.log(JSON.stringify({ms, cpu_ms: (user + system) / 1e3 / ms.length, turn: line}));
  }
  if (profile) session.endProfiling();
}

main().catch((error) => {
  console.error(String(error));
  process.exit(1);
});
