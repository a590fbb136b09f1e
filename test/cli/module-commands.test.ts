// plan and in-doubt with a module of a user's: the real store, and sinks that remember.

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Installed, openStore, Scratch } from './kit.js';
import { handleOf, makeCrashedProject, type Project } from './project.js';

let cli: Installed;
const scratch = new Scratch();
// Processes are started, and other tests may need the machine meanwhile.
jest.setTimeout(60_000);

beforeAll(() => {
  cli = new Installed();
}, 120_000);
afterAll(() => scratch.remove());

const crashedProject = (): Promise<Project> => makeCrashedProject(scratch.directory(), cli.room);

describe('plan', () => {
  test('says what recovery would do and why, and changes nothing', async () => {
    const { module, ids, memoryOf, store } = await crashedProject();
    const before = memoryOf('warehouse');
    const { code, stdout } = await cli.run(['plan', module]);
    expect(code).toBe(0);
    expect(stdout).toContain('dry run: nothing was fenced or changed');
    expect(stdout).toContain(
      `roll back checkpoint ${String(ids[1])} and resume ${String(ids[0])} (row 11`,
    );
    expect(stdout).toMatch(/warehouse: prepared, newest committed 16777217; /);
    expect(memoryOf('warehouse')).toEqual(before);
    // No generation was taken: the next owner is the second.
    const owner = await openStore(store);
    expect(owner.generation).toBe(2);
    await owner.close();
  });

  test('works beside an owner that is alive', async () => {
    const { module, store } = await crashedProject();
    const owner = await openStore(store);
    expect((await cli.run(['plan', module])).code).toBe(0);
    await owner.close();
  });

  test('a refusal is exit code 1, with its code and the way out', async () => {
    const { module, remember, ids } = await crashedProject();
    remember('ledger', { prepared: {}, markers: [ids[0]!, ids[1]!] });
    remember('warehouse', { prepared: {}, markers: [ids[0]!] });
    const { code, stdout } = await cli.run(['plan', module, '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'refuse',
      row: { number: 15 },
      error: { code: 'TIDEGATE_RECOVERY_SPLIT' },
    });
    const text = await cli.run(['plan', module]);
    expect(text.stdout).toContain('refuse: ');
    expect(text.stdout).toContain('repair by hand');
  });

  test('plans a restore of a chosen checkpoint, and says who would get what twice', async () => {
    const { module, remember, ids } = await crashedProject();
    const args = ['plan', module, '--restore', String(ids[0]), '--json'];
    const { code, stdout } = await cli.run(args);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'restore', resumed: { id: ids[0] } });

    remember('ledger', { prepared: {}, markers: [ids[0]!, ids[1]!] });
    const refused = await cli.run(args);
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain(`ledger (at ${ids[1]})`);
    const accepted = await cli.run([...args, '--accept-duplicates-in', `ledger=${ids[1]}`]);
    expect(accepted.code).toBe(0);
  });

  test('says which lost input a start may give up, and show says what was given up', async () => {
    const { directory } = await crashedProject();
    const module = join(directory, 'shrunk.mjs');
    const program = (records: string): string => `
      import { arraySource, FileSystemCheckpointStore, memorySink, Pipeline } from 'tidegate';
      const store = new FileSystemCheckpointStore(new URL('shrunk', import.meta.url).pathname);
      const pipeline = new Pipeline('numbers');
      const sink = { ...memorySink(), durability: 'at-least-once', open: async () => ({ write() {}, flush() {} }) };
      pipeline.source('numbers', arraySource(${records})).to('out', sink);
      const options = { store, ...JSON.parse(process.env.CONSENT ?? '{}') };
      export const connect = () => pipeline.prepare(options).connection();
      export const run = () => pipeline.run(options);
    `;
    const run = `node -e "import('${module}').then(({ run }) => run())"`;
    writeFileSync(module, program('[1, 2, 3]'));
    expect(await cli.shell(run)).toMatchObject({ code: 0 });
    writeFileSync(module, program('[1]'));
    const refused = await cli.shell(run);
    const [, id] = /acceptLostInput: \{ "numbers": (\d+) \}/.exec(refused.stderr) ?? [];
    const planned = await cli.run(['plan', module, '--accept-lost-input', `numbers=${id ?? ''}`]);
    expect(planned.stdout).toContain(
      `source numbers may give up input that is gone behind checkpoint ${id ?? ''}`,
    );
    const consent = JSON.stringify({ acceptLostInput: { numbers: Number(id) } });
    expect(await cli.shell(`CONSENT='${consent}' ${run}`)).toMatchObject({ code: 0 });
    const shown = await cli.run(['show', 'latest', '--store', join(directory, 'shrunk')]);
    expect(shown.stdout).toContain('input given up');
    expect(shown.stdout).toContain(`behind checkpoint ${id ?? ''}: next=3`);
    const again = await cli.run(['plan', module]);
    expect(again.stdout).toContain(`source numbers gave up input behind checkpoint ${id ?? ''}`);
  });

  test('takes the connection of a prepared run of a pipeline', async () => {
    const { directory } = await crashedProject();
    const module = join(directory, 'pipeline.mjs');
    const pipelineModule = (archive: string): string => `
      import { arraySource, FileSystemCheckpointStore, Pipeline } from 'tidegate';
      import { fileSink } from 'tidegate/files';
      const here = (name) => new URL(name, import.meta.url).pathname;
      const pipeline = new Pipeline('numbers');
      pipeline.source('numbers', arraySource([1, 2, 3])).to('archive', ${archive});
      const prepared = pipeline.prepare({ store: new FileSystemCheckpointStore(here('numbers')) });
      export const connect = () => prepared.connection();
      export const run = () => prepared.run();
    `;
    writeFileSync(module, pipelineModule(`fileSink({ directory: here('archive') })`));
    const ran = await cli.shell(`node -e "import('${module}').then(({ run }) => run())"`);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const planned = await cli.run(['plan', module, '--json']);
    expect(planned).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(planned.stdout)).toMatchObject({
      kind: 'resume',
      row: { number: 7 },
      sinks: [{ sink: 'archive' }],
      warnings: [],
    });

    // What the coordinator would refuse, it says line by line.
    const silly = `{ durability: 'durable', maxPreparedLifetimeMs: 1, open: () => undefined }`;
    writeFileSync(module, pipelineModule(silly));
    const refused = await cli.run(['plan', module]);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(/^ {2}- .*archive/m);
  });

  test('a sink that does not answer is waited for no longer than --timeout-ms', async () => {
    const { module, remember, ids } = await crashedProject();
    remember('warehouse', { prepared: {}, markers: [ids[0]!], silent: true });
    const { code, stdout } = await cli.run(['plan', module, '--timeout-ms', '300', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'halt',
      error: { code: 'TIDEGATE_RECOVERY_UNANSWERED' },
    });
  });

  test('a module that cannot be used is exit code 2 and says why', async () => {
    const { directory } = await crashedProject();
    const cases = [
      ['missing.mjs', undefined, 'cannot be loaded'],
      ['empty.mjs', 'export {};', 'exports no function connect()'],
      ['throws.mjs', 'export function connect() { throw new Error("no route"); }', 'no route'],
      ['hangs.mjs', 'export const connect = () => new Promise(() => {});', 'within 300 ms'],
      ['bare.mjs', 'export const connect = () => ({ pipeline: "x" });', 'store, sources, sinks'],
    ] as const;
    for (const [name, text, message] of cases) {
      if (text !== undefined) writeFileSync(join(directory, name), text);
      const ran = await cli.run(['plan', join(directory, name), '--timeout-ms', '300']);
      expect(ran).toMatchObject({ code: 2, stdout: '' });
      expect(ran.stderr).toContain(message);
    }
  });
});

describe('in-doubt', () => {
  test('lists what every sink has prepared, with age and evidence', async () => {
    const { module, ids } = await crashedProject();
    const { code, stdout, stderr } = await cli.run(['in-doubt', module]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /warehouse +orders\/warehouse\/1\/16777218 +2 h +16777218 \(epoch 2\) +in-doubt +ledger prepared, may be committed, may be rolled back/,
    );
    expect(stderr).toContain('nothing was fenced');
    const json = await cli.run(['in-doubt', module, '--json']);
    const { prepared } = JSON.parse(json.stdout) as { prepared: unknown[] };
    expect(prepared).toHaveLength(2);
    expect(prepared[1]).toMatchObject({
      sink: 'warehouse',
      checkpoint: { id: ids[1], state: 'in-doubt' },
      others: { ledger: 'prepared' },
      againstCommit: null,
    });
  });

  test('commits one by hand, after the reason is in the manifest; recovery goes on from there', async () => {
    const { module, ids, memoryOf, store } = await crashedProject();
    const handle = handleOf('warehouse', ids[1]!);
    const args = ['in-doubt', module, 'commit', 'warehouse', handle];
    const ran = await cli.run([...args, '--reason', 'the auditor needs it tonight']);
    expect(ran).toMatchObject({ code: 0, stdout: `commit ${handle} at warehouse: applied\n` });
    expect(memoryOf('warehouse')).toMatchObject({ prepared: {}, markers: ids });
    expect(Object.keys(memoryOf('ledger').prepared)).toHaveLength(1);
    const shown = await cli.run(['show', String(ids[1]), '--store', store]);
    expect(shown.stdout).toMatch(
      /decided by hand\n {2}\S+ {2}commit \S+ at warehouse: the auditor needs it tonight/,
    );
    expect((await cli.run(['verify', '--store', store])).code).toBe(0);
    const { stdout } = await cli.run(['plan', module]);
    expect(stdout).toContain('row 13');
  });

  test('rolls one back by hand and leaves the others alone', async () => {
    const { module, ids, memoryOf, remember } = await crashedProject();
    const [mine, stray] = [handleOf('warehouse', ids[1]!), 'orders/warehouse/1/stray'];
    const { prepared, markers } = memoryOf('warehouse');
    const strayEpoch = { checkpointId: 77, atMs: 0 };
    remember('warehouse', { prepared: { ...prepared, [stray]: strayEpoch }, markers });
    const listed = await cli.run(['in-doubt', module]);
    expect(listed.stdout).toMatch(/stray .*named by no manifest, must not be committed/);
    const args = ['in-doubt', module, 'rollback', 'warehouse', stray, '--reason', 'left behind'];
    expect(await cli.run([...args, '--json'])).toMatchObject({ code: 0 });
    expect(Object.keys(memoryOf('warehouse').prepared)).toEqual([mine]);
  });

  test('refuses what the evidence forbids, and does it with --force, which is recorded', async () => {
    const { module, ids, memoryOf, remember, store } = await crashedProject();
    remember('ledger', { prepared: {}, markers: [ids[0]!, ids[1]!] });
    const handle = handleOf('warehouse', ids[1]!);
    const args = ['in-doubt', module, 'rollback', 'warehouse', handle, '--reason', 'a mistake'];
    const refused = await cli.run(args);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('sink ledger has committed this epoch');
    expect(Object.keys(memoryOf('warehouse').prepared)).toEqual([handle]);
    const unchanged = await cli.run(['show', String(ids[1]), '--store', store]);
    expect(unchanged.stdout).not.toContain('decided by hand');
    expect((await cli.run([...args, '--force'])).code).toBe(0);
    const shown = await cli.run(['show', String(ids[1]), '--store', store]);
    expect(shown.stdout).toContain('a mistake (forced, although sink ledger has committed');
  });

  test('a sink that cannot be closed is noted, and hides neither what was done nor the store', async () => {
    const { module, ids, memoryOf, remember, store } = await crashedProject();
    remember('ledger', { ...memoryOf('ledger'), stuck: true });
    const handle = handleOf('warehouse', ids[1]!);
    const args = ['in-doubt', module, 'rollback', 'warehouse', handle, '--reason', 'x'];
    const ran = await cli.run(args);
    expect(ran).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('rolled-back') as unknown,
    });
    expect(ran.stderr).toContain('sink ledger could not be closed: the sink does not let go');
    // The store was closed: nobody has to be waited for.
    await (await openStore(store)).close();
  });

  test('what is committed already is told so, and not taken for absent', async () => {
    const { module, ids } = await crashedProject();
    const handle = handleOf('warehouse', ids[1]!);
    const decide = (action: string): ReturnType<typeof cli.run> =>
      cli.run(['in-doubt', module, action, 'warehouse', handle, '--reason', 'x', '--force']);
    expect((await decide('commit')).code).toBe(0);
    expect(await decide('commit')).toMatchObject({
      code: 0,
      stdout: `commit ${handle} at warehouse: already-applied\n`,
    });
    expect(await decide('rollback')).toMatchObject({
      code: 1,
      stdout: `rollback ${handle} at warehouse: committed\n`,
    });
  });

  test('what is not prepared any more is exit code 1, and nothing is recorded', async () => {
    const { module, store, ids } = await crashedProject();
    const args = ['in-doubt', module, 'commit', 'warehouse', 'gone', '--reason', 'x'];
    const ran = await cli.run(args);
    expect(ran).toMatchObject({ code: 1, stdout: 'commit gone at warehouse: absent\n' });
    const shown = await cli.run(['show', String(ids[1]), '--store', store]);
    expect(shown.stdout).not.toContain('decided by hand');
  });

  test('refuses while another process owns the store, and says who that is', async () => {
    const { module, ids, store, memoryOf } = await crashedProject();
    const owner = await openStore(store);
    const before = memoryOf('warehouse');
    const args = ['in-doubt', module, 'commit', 'warehouse', handleOf('warehouse', ids[1]!)];
    const ran = await cli.run([...args, '--reason', 'impatience']);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('TIDEGATE_STORE_OWNED');
    expect(ran.stderr).toContain(String(process.pid));
    expect(memoryOf('warehouse')).toEqual(before);
    await owner.close();
  });

  test('an action without sink, handle or reason is an error of usage', async () => {
    const { module } = await crashedProject();
    expect((await cli.run(['in-doubt', module, 'commit'])).code).toBe(64);
    expect((await cli.run(['in-doubt', module, 'commit', 'warehouse', 'h'])).code).toBe(64);
    expect((await cli.run(['in-doubt', module, 'undo', 'warehouse', 'h'])).code).toBe(64);
  });
});
