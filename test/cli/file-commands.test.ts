// validate and canonical, and what all commands share: usage errors, pipes, help, interruption.

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  canonicalManifest,
  createManifest,
  parseManifest,
  serializeManifest,
} from 'tidegate/manifest';
import type { CheckpointManifest } from 'tidegate/manifest';
import { fullManifest } from '../manifest/manifests.js';
import { Installed, Scratch, writeStore } from './kit.js';

let cli: Installed;
const scratch = new Scratch();
// Processes are started, and other tests may need the machine meanwhile.
jest.setTimeout(60_000);

beforeAll(() => {
  cli = new Installed();
}, 120_000);
afterAll(() => scratch.remove());

const sound: CheckpointManifest = createManifest(42, 7, { clock: { now: () => 5 } });

function fileOf(content: string | Uint8Array): string {
  const path = join(scratch.directory(), 'manifest.json');
  writeFileSync(path, content);
  return path;
}

describe('validate', () => {
  test('prints nothing and ends with 0 when nothing is wrong', async () => {
    const file = fileOf(serializeManifest(sound));
    expect(await cli.run(['validate', file])).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  test('prints one message a line and nothing else, and ends with 1', async () => {
    const file = fileOf(
      serializeManifest({ ...sound, epoch: 0, sourceNames: ['a'], sourceOffsets: new Map() }),
    );
    const ran = await cli.run(['validate', file, '--vnode-count', '128']);
    expect(ran).toMatchObject({ code: 1, stderr: '' });
    expect(ran.stdout).toBe(
      'epoch is 0\nvnode_count mismatch: checkpoint has 256, runtime expects 128\n',
    );
    const json = await cli.run(['validate', file, '--json']);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ findings: ['epoch is 0'] });
  });

  test('agrees with the Rust original on a choice of its vectors', async () => {
    const { pathname } = new URL('../golden/rust/manifests.json', import.meta.url);
    const vectors = JSON.parse(readFileSync(pathname, 'utf8')) as readonly {
      readonly name: string;
      readonly bytes_b64: string;
      readonly verdict: string;
      readonly validate128?: readonly string[];
    }[];
    // Every fortieth: parsing itself is tested without processes.
    const chosen = vectors.filter(
      ({ verdict }, index) => verdict !== 'accept-or-reject' && index % 40 === 0,
    );
    expect(chosen.length).toBeGreaterThan(5);
    for (const { name, bytes_b64: bytes, verdict, validate128 = [] } of chosen) {
      const ran = await cli.run(['validate', '-', '--vnode-count', '128'], {
        stdin: Buffer.from(bytes, 'base64'),
      });
      const lines = ran.stdout === '' ? [] : ran.stdout.trimEnd().split('\n');
      const accepted = validate128.length === 0 ? 0 : 1;
      expect({ name, code: ran.code }).toEqual({ name, code: verdict === 'accept' ? accepted : 2 });
      if (verdict === 'accept') expect(lines.sort()).toEqual([...validate128].sort());
      else expect(ran).toMatchObject({ stdout: '' });
    }
  });

  test('ends with 2 when the file cannot be read or parsed, and says where', async () => {
    const missing = await cli.run(['validate', '/nonexistent/manifest.json']);
    expect(missing).toMatchObject({ code: 2, stdout: '' });
    expect(missing.stderr).toContain('/nonexistent/manifest.json cannot be read');
    const directory = await cli.run(['validate', scratch.directory()]);
    expect(directory).toMatchObject({ code: 2, stdout: '' });
    const malformed = await cli.run(['validate', fileOf('{"version": 1,')]);
    expect(malformed).toMatchObject({ code: 2, stdout: '' });
    expect(malformed.stderr).toContain('TIDEGATE_MANIFEST_SYNTAX');
    expect(malformed.stderr).toContain('line 1');
    const json = await cli.run(['validate', '--json', fileOf('{')]);
    expect(json).toMatchObject({ code: 2, stdout: '' });
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: 'TIDEGATE_MANIFEST_SYNTAX' } });
  });
});

describe('canonical', () => {
  test('prints the canonical form to the byte, so that its SHA-256 is the checksum', async () => {
    const text = serializeManifest(fullManifest);
    const ran = await cli.run(['canonical', fileOf(text)]);
    expect(ran).toMatchObject({ code: 0, stdout: canonicalManifest(parseManifest(text)) });
    const stated = /"manifest_checksum": "([0-9a-f]{64})"/.exec(text)![1];
    expect(createHash('sha256').update(ran.bytes).digest('hex')).toBe(stated);
  });

  test('reads through a link, a pipe and standard input', async () => {
    const file = fileOf(serializeManifest(sound));
    const link = join(scratch.directory(), 'link.json');
    symlinkSync(file, link);
    const wanted = { code: 0, stdout: canonicalManifest(sound) };
    expect(await cli.run(['canonical', link])).toMatchObject(wanted);
    expect(await cli.shell(`tidegate canonical <(cat ${file})`)).toMatchObject(wanted);
    expect(await cli.shell(`cat ${file} | tidegate canonical -`)).toMatchObject(wanted);
  });
});

describe('every command', () => {
  test('ends with 64 on an error of usage, with nothing on stdout', async () => {
    const lines = [
      [],
      ['nothing'],
      ['show'],
      ['show', '0'],
      ['show', 'x'],
      ['list', 'extra'],
      ['list', '--frobnicate'],
      ['validate', 'f', '--vnode-count', '70000'],
      ['prune', '--keep', '0'],
      ['plan', 'm', '--accept-duplicates-in', 's=1'],
      ['plan', 'm', '--restore', '1', '--accept-duplicates-in', 's'],
      ['plan', 'm', '--restore', '1', '--accept-duplicates-in', 's=latest'],
    ];
    const ran = await Promise.all(lines.map((args) => cli.run(args)));
    expect(ran.map(({ code, stdout }) => [code, stdout])).toEqual(lines.map(() => [64, '']));
  });

  test('has help and a version, with exit code 0', async () => {
    const help = await cli.run(['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    const commands = ['list', 'show', 'verify', 'plan', 'diff', 'state', 'prune', 'in-doubt'];
    for (const name of [...commands, 'validate', 'canonical', 'simulate']) {
      expect(help.stdout).toContain(`\n  ${name} `);
    }
    expect(help.stdout).toContain('64   the command line itself is wrong');
    const { version } = JSON.parse(readFileSync(join(cli.room, 'package.json'), 'utf8')) as {
      readonly version: string;
    };
    expect(await cli.run(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  test('writes no colour and no progress where nobody looks', async () => {
    const directory = scratch.directory();
    await writeStore(directory, [{ epoch: 1 }, { epoch: 2 }]);
    for (const command of ['list', 'verify']) {
      const { stdout, stderr } = await cli.run([command, '-s', directory]);
      expect(stdout + stderr).not.toContain('\u001b');
      expect(stdout + stderr).not.toContain('\r');
    }
  });

  test('a full disk behind stdout is exit code 2, not success', async () => {
    const directory = scratch.directory();
    await writeStore(directory, [{ epoch: 1 }]);
    const ran = await cli.shell(`tidegate list -s ${directory} > /dev/full`);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('ENOSPC');
  });

  test('names that would command a terminal are printed as escapes', async () => {
    const directory = scratch.directory();
    const evil = '\u001b[2J\nfake';
    await writeStore(directory, [
      {
        epoch: 1,
        change: (manifest) => ({ ...manifest, sinkNames: [...manifest.sinkNames, evil] }),
      },
    ]);
    const { stdout } = await cli.run(['list', '-s', directory]);
    expect(stdout).toContain('\\u001b[2J\\u000afake');
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
  });
});
