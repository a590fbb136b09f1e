// list, show, verify, diff, state and prune, run as a person runs them.

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { chmodSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckpointId } from 'tidegate';
import { inDoubt, Installed, openStore, pattern, save, Scratch, writeStore } from './kit.js';

let cli: Installed;
const scratch = new Scratch();
// Processes are started, and other tests may need the machine meanwhile.
jest.setTimeout(60_000);

beforeAll(() => {
  cli = new Installed();
}, 120_000);
afterAll(() => scratch.remove());

/** A start checkpoint, one with a sidecar, a savepoint, and the newest in doubt. */
async function goodStore(): Promise<{ directory: string; ids: readonly CheckpointId[] }> {
  const directory = scratch.directory();
  const ids = await writeStore(directory, [
    { epoch: 1 },
    { epoch: 2, sidecar: pattern(5_000) },
    { epoch: 3, ours: { kind: 'savepoint', label: 'before the upgrade' } },
    { epoch: 4, change: inDoubt },
  ]);
  return { directory, ids };
}

describe('a good store', () => {
  let directory: string;
  let ids: readonly CheckpointId[];

  beforeAll(async () => {
    ({ directory, ids } = await goodStore());
  });

  test('list shows id, epoch, kind, state, size and sinks, newest first', async () => {
    const { code, stdout, stderr } = await cli.run(['list', '--store', directory]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^ +ID +EPOCH +KIND +STATE +AGE +SIZE +SINKS$/);
    expect(lines[1]).toMatch(
      /^16777220 +4 +checkpoint +in-doubt +\d+ d +1\.\d KiB +archive, warehouse \(pending\)$/,
    );
    expect(lines[2]).toMatch(/^16777219 +3 +savepoint "before the upgrade" +complete /);
    expect(lines[3]).toMatch(
      /^16777218 +2 +checkpoint +complete +\d+ d +6\.\d KiB +archive, warehouse$/,
    );
    expect(lines).toHaveLength(5);
  });

  test('list --json gives the same facts as one document', async () => {
    const { stdout } = await cli.run(['list', '--json', '--store', directory]);
    const document = JSON.parse(stdout) as { checkpoints: Record<string, unknown>[] };
    expect(document).toMatchObject({ store: directory, pipeline: 'orders' });
    expect(document.checkpoints.map(({ id, state }) => [id, state])).toEqual([
      [ids[3], 'in-doubt'],
      [ids[2], 'complete'],
      [ids[1], 'complete'],
      [ids[0], 'complete'],
    ]);
    expect(document.checkpoints[0]).toMatchObject({
      epoch: 4,
      integrity: 'verified',
      sinks: { archive: 'committed', warehouse: 'pending' },
    });
  });

  test('show prints every field that has something to say', async () => {
    const { code, stdout } = await cli.run(['show', String(ids[1]), '-s', directory]);
    expect(code).toBe(0);
    for (const fact of [
      `checkpoint ${String(ids[1])}, epoch 2, complete`,
      'taken           2026-01-02T03:04:07Z',
      'pipeline        orders',
      'pipeline hash   18446744073709551615',
      'lines  epoch 2  line=200  watermark 2000',
      'totals   inline   17 B',
      'windows  sidecar  4.9 KiB  from byte 0',
      `warehouse  committed  committed epoch 2, handle orders/warehouse/1/${String(ids[1])}`,
    ]) {
      expect(stdout).toContain(fact);
    }
  });

  test('show --json holds the manifest as its file does, to the digit', async () => {
    const { stdout } = await cli.run(['show', 'latest', '--json', '-s', directory]);
    const file = readFileSync(join(directory, 'checkpoint_16777219', 'manifest.json'), 'utf8');
    const inner = stdout.slice(stdout.indexOf('"manifest": ') + 12, stdout.lastIndexOf('}')).trim();
    expect(inner.replaceAll('\n  ', '\n')).toBe(file.trim());
  });

  test('verify reads every byte and finds nothing', async () => {
    const { code, stdout, stderr } = await cli.run(['verify', '--store', directory]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toMatch(/^verified 4 checkpoints, \d+(\.\d)? KiB: no findings\n$/);
  });

  test('verify tells that the identity of the store is only in its manifests', async () => {
    const identity = join(directory, 'tidegate', 'store.json');
    const text = readFileSync(identity);
    rmSync(identity);
    const { code, stdout } = await cli.run(['verify', '--store', directory]);
    writeFileSync(identity, text);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^store +.*store\.json is missing: the next start writes it again/);
  });

  test('diff shows offsets, watermarks, state sizes and sinks that changed', async () => {
    const args = ['diff', String(ids[1]), String(ids[3]), '-s', directory];
    const { code, stdout } = await cli.run(args);
    expect(code).toBe(0);
    expect(stdout).toContain('epoch  2 -> 4 (+2)');
    expect(stdout).toContain('lines line  200 -> 400 (+200)');
    expect(stdout).toContain('pipeline      2000 -> 4000 (+2000)');
    expect(stdout).toContain('totals      17 B -> 17 B (same size, other content)');
    expect(stdout).toContain('windows     4.9 KiB in the sidecar -> none');
    expect(stdout).toContain('committed, committed epoch 2 -> pending, no epoch committed');
    expect(stdout).not.toContain('topology');
    expect((await cli.run([...args, '--exit-code'])).code).toBe(1);
    const same = ['diff', 'latest', 'latest', '--exit-code', '-s', directory];
    expect(await cli.run(same)).toMatchObject({ code: 0, stdout: '' });
  });

  test('state gives out the bytes of an operator, inline or from the sidecar', async () => {
    const inline = await cli.run(['state', 'latest', 'totals', '-s', directory]);
    expect(inline).toMatchObject({ code: 0, stdout: 'totals of epoch 3', stderr: '' });
    const external = await cli.run(['state', String(ids[1]), 'windows', '-s', directory]);
    expect(external.bytes.equals(pattern(5_000))).toBe(true);
    const target = join(scratch.directory(), 'windows.bin');
    const args = ['state', String(ids[1]), 'windows', '-s', directory, '--output', target];
    expect(await cli.run(args)).toMatchObject({ code: 0, stdout: '' });
    expect(readFileSync(target).equals(pattern(5_000))).toBe(true);
    const again = await cli.run(args);
    expect(again).toMatchObject({ code: 2, stdout: '' });
    expect(again.stderr).toContain('exists already');
  });

  test('a checkpoint or an operator that is not there is exit code 2, with what there is', async () => {
    const missing = await cli.run(['show', '77', '-s', directory]);
    expect(missing).toMatchObject({ code: 2, stdout: '' });
    expect(missing.stderr).toContain('there is no checkpoint 77');
    const operator = await cli.run(['state', 'latest', 'nothing', '-s', directory]);
    expect(operator.code).toBe(2);
    expect(operator.stderr).toContain('It has: totals.');
  });

  test('the store may be named through a link, and is ./checkpoints without --store', async () => {
    const elsewhere = scratch.directory();
    symlinkSync(directory, join(elsewhere, 'checkpoints'));
    const { code, stdout } = await cli.run(['list'], { cwd: elsewhere });
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(5);
  });
});

describe('a store that another process owns', () => {
  test('can be read, and prune refuses and says who owns it', async () => {
    const directory = scratch.directory();
    const owner = await openStore(directory);
    for (let epoch = 1; epoch <= 5; epoch += 1) await save(owner, { epoch });
    const listed = await cli.run(['list', '-s', directory]);
    expect(listed.stdout.trimEnd().split('\n')).toHaveLength(6);
    expect((await cli.run(['verify', '-s', directory])).code).toBe(0);
    const refused = await cli.run(['prune', '-s', directory]);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('TIDEGATE_STORE_OWNED');
    expect(refused.stderr).toContain(String(process.pid));
    // The owner was not disturbed.
    await save(owner, { epoch: 6 });
    await owner.close();
  });
});

describe('prune', () => {
  test('keeps the newest complete ones and every savepoint, and says what it deletes', async () => {
    const directory = scratch.directory();
    const ids = await writeStore(directory, [
      { epoch: 1, ours: { kind: 'savepoint' } },
      { epoch: 2 },
      { epoch: 3 },
      { epoch: 4 },
      { epoch: 5, change: inDoubt },
    ]);
    const dry = await cli.run(['prune', '--keep', '2', '--dry-run', '-s', directory]);
    expect(dry).toMatchObject({ code: 0, stdout: `would delete ${String(ids[1])}\n` });
    const pruned = await cli.run(['prune', '--keep', '2', '-s', directory, '--json']);
    expect(pruned.code).toBe(0);
    expect(JSON.parse(pruned.stdout)).toMatchObject({ dryRun: false, deleted: [ids[1]] });
    expect(pruned.stderr).toContain('took generation 2');
    const { stdout } = await cli.run(['list', '--json', '-s', directory]);
    const left = JSON.parse(stdout) as { checkpoints: { id: number }[] };
    expect(left.checkpoints.map(({ id }) => id)).toEqual([ids[4], ids[3], ids[2], ids[0]]);
    // The ownership was given back: the next one does not have to wait.
    await (await openStore(directory)).close();
  });
});

describe('a damaged store', () => {
  test('verify names each damage and ends with 1; list and show still work', async () => {
    const { directory, ids } = await goodStore();
    const sidecar = join(directory, `checkpoint_${String(ids[1])}`, 'state.bin');
    const bytes = readFileSync(sidecar);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    writeFileSync(sidecar, bytes);
    const manifest = join(directory, `checkpoint_${String(ids[2])}`, 'manifest.json');
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('"300"', '"301"'));
    writeFileSync(join(directory, `checkpoint_${String(ids[0])}`, 'manifest.json'), '{');
    const { code, stdout, stderr } = await cli.run(['verify', '-s', directory]);
    expect(code).toBe(1);
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^checkpoint 16777219 +TIDEGATE_MANIFEST_CHECKSUM: manifest, line/),
      expect.stringMatching(
        /^checkpoint 16777218 +TIDEGATE_STATE_CORRUPT: .*its state checksum is/,
      ),
      expect.stringMatching(/^checkpoint 16777217 +TIDEGATE_MANIFEST_SYNTAX: manifest, line 1/),
    ]);
    expect(stderr).toContain('3 findings');
    const listed = await cli.run(['list', '-s', directory]);
    expect(listed.code).toBe(0);
    expect(listed.stdout).toMatch(/16777217 +- +- +corrupt +- +1 B +manifest, line 1/);
    const shown = await cli.run(['show', String(ids[0]), '-s', directory]);
    expect(shown.code).toBe(1);
    expect(shown.stdout).toContain('corrupt');
    const state = await cli.run(['state', String(ids[1]), 'windows', '-s', directory]);
    expect(state).toMatchObject({ code: 2, stdout: '' });
  });

  test('verify names a store that every user can write to', async () => {
    const { directory } = await goodStore();
    chmodSync(directory, 0o777);
    const { code, stdout } = await cli.run(['verify', '-s', directory]);
    expect(code).toBe(1);
    expect(stdout).toContain(`${directory} is writable by every user (mode 0777)`);
  });

  test('verify of one checkpoint looks at that one only', async () => {
    const { directory, ids } = await goodStore();
    writeFileSync(join(directory, `checkpoint_${String(ids[0])}`, 'manifest.json'), '{');
    expect((await cli.run(['verify', String(ids[1]), '-s', directory])).code).toBe(0);
    expect((await cli.run(['verify', String(ids[0]), '-s', directory])).code).toBe(1);
  });

  test('verify finds rules that are broken between and inside manifests', async () => {
    const directory = scratch.directory();
    const ids = await writeStore(directory, [
      { epoch: 1 },
      { epoch: 2, change: inDoubt },
      { epoch: 3, ours: { storeId: 'another store' } },
      { epoch: 4, change: (manifest) => ({ ...manifest, sourceNames: ['other'] }) },
    ]);
    const { code, stdout } = await cli.run(['verify', '--json', '-s', directory]);
    expect(code).toBe(1);
    const { findings } = JSON.parse(stdout) as { findings: unknown[] };
    expect(findings).toEqual([
      { checkpointId: ids[3], message: "source_offsets contains 'lines' not in source_names" },
      {
        checkpointId: ids[2],
        message: expect.stringContaining('it was written in store another store') as unknown,
      },
      {
        checkpointId: ids[1],
        message: `it is in doubt although checkpoint ${String(ids[3])} was taken after it`,
      },
    ]);
    const strict = await cli.run(['verify', 'latest', '--vnode-count', '128', '-s', directory]);
    expect(strict.stdout).toContain(
      'vnode_count mismatch: checkpoint has 256, runtime expects 128',
    );
  });
});

describe('an empty store', () => {
  test('is no error, and a note says so', async () => {
    const directory = scratch.directory();
    const listed = await cli.run(['list', '-s', directory]);
    expect(listed).toMatchObject({ code: 0, stdout: '' });
    expect(listed.stderr).toBe(`no checkpoints in ${directory}\n`);
    expect(await cli.run(['list', '-s', directory, '--json'])).toMatchObject({ code: 0 });
    // A wrong path must not look like a store that is whole.
    expect(await cli.run(['verify', '-s', directory])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(`there is no store in ${directory}`) as unknown,
    });
    const latest = await cli.run(['show', 'latest', '-s', directory]);
    expect(latest).toMatchObject({ code: 2, stdout: '' });
  });

  test('a directory above the store is recognised', async () => {
    const { directory } = await goodStore();
    const above = scratch.directory();
    symlinkSync(directory, join(above, 'unrelated'));
    await writeStore(join(above, 'checkpoints'), [{ epoch: 1 }]);
    const { code, stderr } = await cli.run(['list', '-s', above]);
    expect(code).toBe(2);
    expect(stderr).toContain('TIDEGATE_STORE_LAYOUT');
    expect(stderr).toContain(`holds no checkpoint, but ${join(above, 'checkpoints')} does`);
  });

  test('a directory that is not there is exit code 2', async () => {
    const { code, stdout, stderr } = await cli.run(['list', '-s', '/nonexistent/store']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('there is no directory /nonexistent/store');
  });
});
