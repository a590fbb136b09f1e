// Makes JavaScript of the mutated copy, beside its sources: a process that loads it starts at once.

import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { transform } from 'esbuild';

/** Jest's functions only work inside jest. */
const replacement = 'scripts/mutation/jest-globals.mjs';

const files = ['src', 'test'].flatMap((directory) =>
  readdirSync(directory, { recursive: true })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(directory, name)),
);
await Promise.all(files.map(build));

async function build(path) {
  const { code } = await transform(await readFile(path, 'utf8'), {
    loader: 'ts',
    format: 'esm',
    target: 'es2022',
  });
  const globals = relative(dirname(path), replacement);
  const text = code.replace('"@jest/globals"', JSON.stringify(globals));
  await writeFile(path.replace(/\.ts$/, '.js'), text);
}
