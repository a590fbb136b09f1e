// Finds S3 servers to test against: versitygw through Go's module proxy, moto through PyPI, both kept in a cache.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tidegate');
const versitygwVersion = 'v1.8.0';
const motoVersion = '5.2.5';

/** What is missing, for one plain line. */
export class ServerUnavailable extends Error {}

/** The command; `TIDEGATE_VERSITYGW` names one that is there. @throws ServerUnavailable without Go. */
export function findVersitygw(): string {
  const given = process.env.TIDEGATE_VERSITYGW;
  if (given !== undefined) return given;
  const folder = install(`versitygw-${versitygwVersion}`, (into) => {
    run('go', ['install', `github.com/versity/versitygw/cmd/versitygw@${versitygwVersion}`], {
      GOBIN: into,
      GOFLAGS: '-mod=mod',
    });
  });
  return join(folder, 'versitygw');
}

/** The command. @throws ServerUnavailable without Python. */
export function findMoto(): string {
  const folder = install(`moto-${motoVersion}`, (into) => {
    run('python3', ['-m', 'venv', into]);
    run(join(into, 'bin/python'), [
      '-m',
      'pip',
      'install',
      '-q',
      `moto[server,s3]==${motoVersion}`,
    ]);
  });
  // Not the script of that name, which has the folder of its making written into it.
  return join(folder, 'bin/python');
}

/** Into the cache, in one step: an installation that was cut off is no cache. */
function install(name: string, into: (folder: string) => void): string {
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    into(unfinished);
    renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return folder;
}

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): void {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  if (status === 0) return;
  const why = error === undefined ? `${stdout}${stderr}`.slice(-500) : `there is no ${command}`;
  throw new ServerUnavailable(`${command} ${args.slice(0, 3).join(' ')}: ${why}`);
}
