// Turns src/ into JavaScript without checking types: fast, and able to change a file on the way.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Writes the JavaScript of src/ under node_modules/.cache, where its imports are found.
 *
 * @param {string} name Folder in the cache.
 * @param {(path: string, text: string) => string} change Given each file's path inside src.
 * @returns {string} The folder that holds index.js.
 */
export function transpile(name, change = (_path, text) => text) {
  const target = join(root, 'node_modules', '.cache', 'tidegate', name);
  rmSync(target, { recursive: true, force: true });
  for (const path of sourceFiles(join(root, 'src'))) {
    const inside = relative(join(root, 'src'), path);
    const { outputText } = ts.transpileModule(change(inside, readFileSync(path, 'utf8')), {
      fileName: path,
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
      },
    });
    const output = join(target, inside).replace(/\.ts$/, '.js');
    mkdirSync(dirname(output), { recursive: true });
    writeFileSync(output, outputText);
  }
  return target;
}

function sourceFiles(directory) {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}
