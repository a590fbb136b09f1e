// Takes the server of a running pipeline down, sends SIGTERM, and prints how long the process took to
// end, phase by phase; then starts it again and counts what came:
//
//   npm run long-run:sigterm

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '../../test/connectors/postgres-server.ts';
import { script } from '../flags.mjs';

script(
  'long-run:sigterm',
  'Sends SIGTERM while the server is down, and prints the time to exit.',
).parse();

const boundMs = 1_000;
const lineTimeoutMs = 60_000;
const room = mkdtempSync(join(tmpdir(), 'tidegate-sigterm-'));
const server = await startPostgres({ maxPreparedTransactions: 20 });
await server.query('CREATE TABLE numbers (id bigint)');

/** What to wait for, and to do, before the signal. Answers when time begins to count. */
const phases = {
  start: async (writer) => {
    await server.kill();
    writer.begin();
    await writer.line('recovery-waiting');
    return writer.signal();
  },
  recovery: async (writer) => {
    writer.begin();
    await writer.line('checkpoint-completed');
    await server.kill();
    await writer.line('recovery-waiting');
    return writer.signal();
  },
  running: async (writer) => {
    writer.begin();
    await writer.line('checkpoint-completed');
    await server.kill();
    return writer.signal();
  },
  'commit retry': async (writer) => {
    writer.begin('commit');
    await writer.line('stands still');
    await server.kill();
    await writer.line('sink-not-committed');
    return writer.signal();
  },
  'final checkpoint': async (writer) => {
    writer.begin('final');
    await writer.line('checkpoint-completed');
    writer.signal();
    await writer.line('stands still');
    await server.kill();
    await writer.line('goes on');
    return performance.now();
  },
};

let slowest = 0;
try {
  for (const [phase, upToTheSignal] of Object.entries(phases)) {
    const writer = new Writer();
    const since = await upToTheSignal(writer);
    const how = await writer.ended;
    const tookMs = Math.round(performance.now() - since);
    slowest = Math.max(slowest, tookMs);
    console.log(`${phase.padEnd(16)} ${String(tookMs).padStart(6)} ms  ${how}`);
    await server.start();
  }
  const writer = new Writer();
  writer.begin();
  await writer.line('checkpoint-completed');
  writer.signal();
  await writer.ended;
  const [{ rows, distinct, last }] = await server.query(
    'SELECT count(*)::int AS rows, count(DISTINCT id)::int AS distinct, max(id)::int AS last FROM numbers',
  );
  console.log(`rows ${rows}, different ${distinct}, last ${last}`);
  if (rows !== distinct || rows !== last + 1) throw new Error('rows are missing, or there twice');
  if (slowest > boundMs) throw new Error(`an end took ${slowest} ms, more than ${boundMs} ms`);
} finally {
  await server.stop();
  rmSync(room, { recursive: true });
}

function Writer() {
  let child;
  let text = '';
  let look = () => undefined;
  let settle;
  this.ended = new Promise((resolve) => (settle = resolve));
  this.begin = (standAt = 'nowhere') => {
    const file = new URL('sigterm-writer.mjs', import.meta.url).pathname;
    const parameters = ['--import', 'tsx', file, server.url, join(room, 'store'), standAt];
    child = spawn(process.execPath, parameters, { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.on('data', (data) => {
      text += data;
      look();
    });
    child.on('close', (code, name) => {
      settle(`${text.trimEnd().split('\n').at(-1)}, exit code ${code ?? name}`);
      look(new Error(`the writer ended: ${text}`));
    });
  };
  this.signal = () => {
    child.kill('SIGTERM');
    return performance.now();
  };
  this.line = (wanted) =>
    new Promise((resolve, reject) => {
      const giveUp = () => reject(new Error(`no ${wanted}: ${text}`));
      setTimeout(giveUp, lineTimeoutMs).unref();
      look = (error) => {
        const isThere = text.split('\n').includes(wanted);
        if (!isThere && error === undefined) return;
        look = () => undefined;
        if (isThere) resolve();
        else reject(error);
      };
      look();
    });
}
