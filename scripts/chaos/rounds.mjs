// What the programs that kill others share: children, waits, chance, and the table of what was killed.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const children = new Set();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/**
 * A child that is given `task` as JSON and prints `ready` once it has recovered.
 *
 * @param heard Called with each piece of its output.
 */
export function startChild(program, task, heard = () => undefined) {
  const child = spawn(process.execPath, [program, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let output = '';
  let announce;
  const ready = new Promise((resolve) => (announce = resolve));
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output = (output + data).slice(-5_000);
      heard(String(data));
      if (output.includes('ready')) announce('ready');
    });
  }
  const ended = new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      children.delete(child);
      announce('ended');
      resolve({ code, signal });
    });
  });
  return {
    ready,
    ended,
    output: () => output,
    isReady: () => output.includes('ready'),
    stop: () => child.kill('SIGTERM'),
    isStopped: () => stateOf(child.pid) === 'T',
    suspend: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Processes of a killed server may still be ending. */
export async function startServerAgain(server) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await server.start();
    } catch (error) {
      if (attempt === 10) throw error;
      await delay(500);
    }
  }
}

/** How often each thing was killed, as a table. */
export class Tally {
  #times = new Map();

  count(what) {
    this.#times.set(what, (this.#times.get(what) ?? 0) + 1);
  }

  /** Of all that begin in one of these ways. */
  sum(starts) {
    return [...this.#times]
      .filter(([what]) => starts.some((start) => what.startsWith(start)))
      .reduce((sum, [, times]) => sum + times, 0);
  }

  print(more = []) {
    const entries = [...this.#times].sort(([left], [right]) => (left < right ? -1 : 1));
    entries.push(...more);
    const width = Math.max(...entries.map(([what]) => what.length));
    console.log(`| ${'killed'.padEnd(width)} | times |\n| ${'-'.repeat(width)} | ----- |`);
    for (const [what, times] of entries) {
      console.log(`| ${what.padEnd(width)} | ${String(times).padStart(5)} |`);
    }
  }
}

function stateOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2)[0];
  } catch {
    return undefined;
  }
}

export async function until(isTrue, timeoutMs) {
  const end = Date.now() + timeoutMs;
  while (Date.now() < end) {
    if (await isTrue()) return true;
    await delay(10);
  }
  return false;
}

export async function within(wait, timeoutMs) {
  return Promise.race([wait, delay(timeoutMs, undefined, { ref: false })]);
}

/** mulberry32: the same rounds for the same seed; when a kill lands is up to the machine. */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
