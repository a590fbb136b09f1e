// One run of mutations: a copy to break, a verdict on each, the table at the end, and what Ctrl-C leaves.

import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';

/** What the tests of a copy load. */
const copied = ['src', 'test', 'scripts', 'examples'];
const settings = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'jest.config.js'];
const maxTestsMs = 300_000;

/** Collects verdicts. With `isJson` nothing is printed but one object at the end. */
export class MutationRun {
  #kind;
  #isJson;
  #planned;
  #verdicts = [];
  #startedMs = performance.now();
  #lastMs = this.#startedMs;

  /** @param {{ kind: string, isJson: boolean, planned: number }} options */
  constructor({ kind, isJson, planned }) {
    this.#kind = kind;
    this.#isJson = isJson;
    this.#planned = planned;
    process.once('SIGINT', () => {
      this.#print();
      process.exit(130);
    });
  }

  /** @param {{ area: string, what: string, isCaught: boolean, why?: string }} verdict `why` is what noticed it. */
  add({ area, what, isCaught, why }) {
    const nowMs = performance.now();
    const seconds = (nowMs - this.#lastMs) / 1_000;
    this.#lastMs = nowMs;
    this.#verdicts.push({ area, what, isCaught, seconds, ...(why === undefined ? {} : { why }) });
    if (this.#isJson) return;
    const done = `${this.#verdicts.length}/${this.#planned}`;
    console.log(`${isCaught ? 'caught    ' : 'NOT CAUGHT'}  ${done}  ${area}: ${what}`);
  }

  /** Prints the table and sets the exit code: 1 where one was missed. */
  end() {
    this.#print();
    process.exitCode = this.#missed().length === 0 ? 0 : 1;
  }

  #missed() {
    return this.#verdicts.filter(({ isCaught }) => !isCaught);
  }

  #print() {
    const count = this.#verdicts.length;
    const caught = count - this.#missed().length;
    if (this.#isJson) {
      const planned = this.#planned;
      console.log(JSON.stringify({ kind: this.#kind, planned, caught, verdicts: this.#verdicts }));
      return;
    }
    console.log('');
    for (const area of new Set(this.#verdicts.map((verdict) => verdict.area))) {
      const own = this.#verdicts.filter((verdict) => verdict.area === area);
      const noticed = own.filter(({ isCaught }) => isCaught).length;
      const seconds = own.reduce((sum, verdict) => sum + verdict.seconds, 0);
      console.log(`${area}: ${noticed} of ${own.length} caught, ${seconds.toFixed(0)} s`);
    }
    const left = this.#planned > count ? `, ${this.#planned - count} not tried` : '';
    console.log(`${caught} of ${count} mutations caught${left}`);
  }
}

/** A copy of the project that goes when the process does. @returns Its directory. */
export function isolatedCopy() {
  const room = mkdtempSync(join(tmpdir(), 'tidegate-mutation-'));
  process.on('exit', () => rmSync(room, { recursive: true, force: true, maxRetries: 5 }));
  for (const name of [...copied, ...settings]) {
    cpSync(name, join(room, name), { recursive: true });
  }
  symlinkSync(resolve('node_modules'), join(room, 'node_modules'));
  return room;
}

/** Runs tests of a copy until the first fails. @returns Whether all passed. */
export async function testsPass(room, tests) {
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  // In one process: a worker whose parent ends early goes on with its test for minutes.
  const jest = ['node_modules/jest/bin/jest.js', '--runInBand', '--bail', '--silent', ...tests];
  const child = spawn(process.execPath, [...flags, ...jest], {
    cwd: room,
    stdio: 'ignore',
    timeout: maxTestsMs,
    killSignal: 'SIGKILL',
  });
  const kill = () => child.kill('SIGKILL');
  process.prependOnceListener('exit', kill);
  const status = await new Promise((onExit, onError) => {
    child.once('error', onError);
    child.once('exit', onExit);
  });
  process.removeListener('exit', kill);
  return status === 0;
}
