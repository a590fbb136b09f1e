#!/usr/bin/env node
// The `tidegate` binary: the process around the command line.

import { systemClock } from '../runtime/clock.js';
import { systemRandom } from '../runtime/random.js';
import { run } from './program.js';
import { Terminal } from './terminal.js';

const interruption = new AbortController();
// Once: a second Ctrl-C ends the process the hard way, whatever it is doing.
const interrupt = (): void => interruption.abort(new Error('interrupted'));
process.once('SIGINT', interrupt);

const { stdout, stderr, env } = process;
const terminal = new Terminal({ stdout, stderr, environment: env });
// Awaited at the top: a command that neither ends nor waits for anything makes node exit with 13,
// where a floating promise would make it exit with 0 as if all were well.
process.exitCode = await run(process.argv.slice(2), {
  terminal,
  clock: systemClock,
  random: systemRandom,
  signal: interruption.signal,
});
process.off('SIGINT', interrupt);
// After Ctrl-C the process does not wait for what a module has left open.
// eslint-disable-next-line no-restricted-properties -- this is the host
if (interruption.signal.aborted) process.exit();

// It only fires when something else keeps the process open: better a word than a silent hang.
const patienceMs = 3_000;
const patience = systemClock.setTimer(() => {
  terminal.note(
    'done, but the module keeps the process open (a pool, a timer): return close() from connect()',
  );
}, patienceMs);
patience.unref?.();
