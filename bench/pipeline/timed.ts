// Time and processor time of one piece of work.

import { readFileSync } from 'node:fs';

export interface Timed<Value> {
  readonly value: Value;
  readonly ms: number;
  /** Of the main thread alone: not of the threads that collect garbage or do I/O. */
  readonly mainThreadMs: number;
}

export async function timed<Value>(work: () => Promise<Value>): Promise<Timed<Value>> {
  const cpuBefore = mainThreadMs();
  const start = performance.now();
  const value = await work();
  const ms = performance.now() - start;
  return { value, ms, mainThreadMs: mainThreadMs() - cpuBefore };
}

/** Linux says it in nanoseconds; elsewhere the processor time of all threads must do. */
function mainThreadMs(): number {
  try {
    const [onCpuNs = ''] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(
      ' ',
    );
    return Number(onCpuNs) / 1e6;
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  }
}
