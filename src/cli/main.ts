#!/usr/bin/env node
// The `tidegate` binary: the process around the command line.

import { systemClock } from '../runtime/clock.js';
import { systemRandom } from '../runtime/random.js';
import { run } from './program.js';
import { Terminal } from './terminal.js';

const interruption = new AbortController();
// Once: a second Ctrl-C ends the process the hard way, whatever it is doing.
process.once('SIGINT', () => interruption.abort(new Error('interrupted')));

const { stdout, stderr, env } = process;
// Awaited at the top: a command that neither ends nor waits for anything makes node exit with 13,
// where a floating promise would make it exit with 0 as if all were well.
process.exitCode = await run(process.argv.slice(2), {
  terminal: new Terminal({ stdout, stderr, environment: env }),
  clock: systemClock,
  random: systemRandom,
  signal: interruption.signal,
});
