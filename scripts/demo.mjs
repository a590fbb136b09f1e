// Compiles and runs the demonstration: `npm run demo`, or `npm run demo -- --seed 7 --rows 500000`, and with
// `--all-points` until every point was hit, however long it takes.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';

if (!existsSync('dist/index.js')) {
  console.error('The demo runs the built package in dist/, which is not there. Run: npm run build');
  process.exit(1);
}

// Compiled, because the job is started some hundred times; here, because its imports are found here.
const target = 'node_modules/.cache/tidegate/demo';
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
writeFileSync(join(target, 'package.json'), '{ "type": "module" }');
const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
for (const name of readdirSync('examples/main-job')) {
  const text = readFileSync(join('examples/main-job', name), 'utf8');
  const { outputText } = ts.transpileModule(text, { compilerOptions });
  const own = outputText.replaceAll(/from '(tidegate(?:\/\w+)?)'/g, (_, specifier) => {
    return `from '${import.meta.resolve(specifier)}'`;
  });
  writeFileSync(join(target, name.replace(/\.ts$/, '.js')), own);
}

// In this process, which then gets the signals itself: it has things to remove.
await import(pathToFileURL(join(target, 'demo.js')).href);
