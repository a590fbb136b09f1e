// A process that is killed inside five checkpoints with SIGKILL; the sixth one comes to its end.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { arraySource, FileSystemCheckpointStore, Pipeline } from 'tidegate';
import { fileSink } from 'tidegate/files';

const [, program = '', step, room = mkdtempSync(`${tmpdir()}/orders-`)] = process.argv;
const input = Array.from({ length: 100_000 }, (_, id) => ({ id, account: `account-${id % 97}` }));

if (step !== undefined) {
  const pipeline = new Pipeline('orders');
  const orders = pipeline.source('orders', arraySource(input));
  const totals = orders
    .keyBy((order) => order.account)
    .aggregate('totals', { initial: 0, add: (total) => total + 1 });
  orders.to('archive', fileSink({ directory: `${room}/archive` }));
  totals.to('totals-archive', fileSink({ directory: `${room}/totals` }));

  const store = new FileSystemCheckpointStore(`${room}/checkpoints`);
  const run = pipeline.prepare({ store, checkpoint: { intervalMs: 10 } });
  run.coordinator.events.on('recovery-ended', ({ row }) => console.log(`  found: ${row.label}`));
  run.coordinator.events.on('step-started', (event) => {
    if (event.step === step) process.kill(process.pid, 'SIGKILL');
  });
  console.log(`  ${(await run.run()).outcome}`);
} else {
  for (const step of ['barrier', 'pre-commit', 'persist', 'commit', 're-save', 'none']) {
    console.log(step === 'none' ? 'not killed' : `killed as ${step} begins`);
    const command = [...process.execArgv, program, step, room];
    spawnSync(process.execPath, command, { stdio: 'inherit' });
  }
  const parts = readdirSync(`${room}/archive`).filter((name) => name.endsWith('.jsonl'));
  const lines = parts.flatMap((part) =>
    readFileSync(`${room}/archive/${part}`, 'utf8').match(/.+/g),
  );
  const kinds = new Set(lines).size;
  console.log(`lost ${input.length - kinds}, duplicated ${lines.length - kinds}`);
}
