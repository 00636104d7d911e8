// Runs an ONNX model by onnxruntime, so that its answers can be compared with ours.
//   node run_onnx.mjs FOLDER MODEL IMAGES SHAPE BATCHES OUT
// FOLDER    where npm has installed onnxruntime-node
// IMAGES    a file of raw floats, least significant byte first, image after image of SHAPE: 1,28,28
// BATCHES   how many of them go through the model at a time: 1,7,992
// OUT       for each output NAME of the model, OUT.NAME gets the answers to all images as raw floats
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [folder, model, imagesFile, shape, batches, out] = process.argv.slice(2);
const ort = createRequire(folder + '/')('onnxruntime-node');
const numbers = (text) => text.split(',').map(Number);

const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1 });
const file = readFileSync(imagesFile);
const images = new Float32Array(file.buffer.slice(file.byteOffset, file.byteOffset + file.length));
const size = numbers(shape).reduce((a, b) => a * b);
const answers = new Map(session.outputNames.map((name) => [name, []]));

let begin = 0;
for (const n of numbers(batches)) {
  const batch = images.slice(begin * size, (begin + n) * size);
  begin += n;
  const feeds = { images: new ort.Tensor('float32', batch, [n, ...numbers(shape)]) };
  const results = await session.run(feeds);
  for (const [name, parts] of answers) {
    const { dims, data } = results[name];
    if (dims.length !== 2 || dims[0] !== n) throw new Error(`${name} has shape ${dims}`);
    parts.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  }
}
for (const [name, parts] of answers) writeFileSync(`${out}.${name}`, Buffer.concat(parts));
