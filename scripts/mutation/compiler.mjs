// Asks the compiler about mutants: a mistake that does not compile cannot reach anybody.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import ts from 'typescript';

/** Whether a mutated file has errors of its own; other files are not looked at. */
export class Compiler {
  #replaced = new Map();
  #version = 0;
  #service;

  constructor() {
    const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile);
    const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, process.cwd());
    const files = fileNames.filter((name) => name.startsWith(resolve('src')));
    const textOf = (name) => this.#replaced.get(name) ?? ts.sys.readFile(name);
    this.#service = ts.createLanguageService({
      ...ts.sys,
      useCaseSensitiveFileNames: () => ts.sys.useCaseSensitiveFileNames,
      // A mutant that drops a use is not refused for that alone: the mistake could drop the rest too.
      getCompilationSettings: () => ({
        ...options,
        noUnusedLocals: false,
        noUnusedParameters: false,
      }),
      getScriptFileNames: () => files,
      getScriptVersion: (name) => (this.#replaced.has(name) ? String(this.#version) : 'as it is'),
      getScriptSnapshot(name) {
        const text = textOf(name);
        return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
      },
      getCurrentDirectory: () => process.cwd(),
      getDefaultLibFileName: ts.getDefaultLibFilePath,
    });
  }

  refuses({ fileName, location, replacement }) {
    const path = resolve(fileName);
    const { before, after } = around(path, location);
    this.#replaced.set(path, before + replacement + after);
    this.#version += 1;
    const errors =
      this.#service.getSyntacticDiagnostics(path).length +
      this.#service.getSemanticDiagnostics(path).length;
    this.#replaced.delete(path);
    return errors > 0;
  }
}

/** The text that a mutant replaces, and what stands before and after it. */
export function around(fileName, { start, end }) {
  const text = readFileSync(fileName, 'utf8');
  const lineStarts = [0];
  for (const { index } of text.matchAll(/\n/g)) lineStarts.push(index + 1);
  const from = lineStarts[start.line - 1] + start.column - 1;
  const to = lineStarts[end.line - 1] + end.column - 1;
  return { before: text.slice(0, from), original: text.slice(from, to), after: text.slice(to) };
}
