// S3 servers of the tests' own, on free ports and in temporary folders; versitygw keeps its files and is killed.

import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AwsClient } from 'aws4fetch';
import { findMoto, findVersitygw } from './installs.js';

/** How a service is reached, as `TIDEGATE_S3_SERVERS` gives it to test files. */
export interface S3Service {
  readonly name: string;
  readonly endpoint: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
}

const startTimeoutMs = 60_000;
const credentials = { accessKeyId: 'tidegate', secretAccessKey: 'tidegate-secret' };

/** A server process that is started, killed and started again on the same port and files. */
export class S3Server {
  readonly service: S3Service;
  #child: ChildProcess | undefined;

  private constructor(
    name: string,
    port: number,
    private readonly folder: string,
    private readonly command: readonly [string, readonly string[]],
  ) {
    const endpoint = `http://127.0.0.1:${port}`;
    this.service = { name, endpoint, bucket: 'tests', region: 'us-east-1', ...credentials };
    process.once('exit', () => this.remove());
  }

  /** @throws ServerUnavailable where it cannot be installed. */
  static async versitygw(): Promise<S3Server> {
    const binary = findVersitygw();
    const port = await freePort();
    const folder = newFolder();
    const [data, sidecar] = [join(folder, 'data'), join(folder, 'meta')];
    for (const path of [data, sidecar]) mkdirSync(path);
    const args = ['--port', `127.0.0.1:${port}`, 'posix', ...metadataIn(sidecar), data];
    return new S3Server('versitygw', port, folder, [binary, args]).#begin();
  }

  /** @throws ServerUnavailable where it cannot be installed. */
  static async moto(): Promise<S3Server> {
    const python = findMoto();
    const port = await freePort();
    const args = ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)];
    return new S3Server('moto', port, newFolder(), [python, args]).#begin();
  }

  /** Starts the process; settles when it answers. */
  async start(): Promise<void> {
    const log = openSync(join(this.folder, 'server.log'), 'a');
    const [command, args] = this.command;
    this.#child = spawn(command, args, {
      stdio: ['ignore', log, log],
      env: {
        ...process.env,
        ROOT_ACCESS_KEY: credentials.accessKeyId,
        ROOT_SECRET_KEY: credentials.secretAccessKey,
      },
    });
    closeSync(log);
    const deadlineMs = Date.now() + startTimeoutMs;
    while (!(await this.#answers())) {
      if (this.#child.exitCode !== null || Date.now() > deadlineMs) {
        const said = readFileSync(join(this.folder, 'server.log'), 'utf8').slice(-2_000);
        throw new Error(`${this.service.name} does not start:\n${said}`);
      }
      await delay(50);
    }
  }

  /** SIGKILL; what was written stays. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  /** SIGSTOP or SIGCONT: the sockets stay open, and nothing answers. */
  freeze(isFrozen: boolean): void {
    this.#child?.kill(isFrozen ? 'SIGSTOP' : 'SIGCONT');
  }

  remove(): void {
    this.#child?.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #begin(): Promise<this> {
    await this.start();
    await makeBucket(this.service);
    return this;
  }

  async #answers(): Promise<boolean> {
    try {
      await fetch(this.service.endpoint, { signal: AbortSignal.timeout(1_000) });
      return true;
    } catch {
      return false;
    }
  }
}

/** The services of this run: those that the script has started, or the one that is named. */
export function services(): readonly S3Service[] {
  return JSON.parse(process.env.TIDEGATE_S3_SERVERS ?? '[]') as readonly S3Service[];
}

export function signerOf(service: S3Service): AwsClient {
  const { accessKeyId, secretAccessKey, region } = service;
  return new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3' });
}

async function makeBucket(service: S3Service): Promise<void> {
  const url = `${service.endpoint}/${service.bucket}`;
  const response = await fetch(await signerOf(service).sign(url, { method: 'PUT' }));
  if (response.ok) return;
  throw new Error(`bucket ${service.bucket}: ${response.status} ${await response.text()}`);
}

/** Metadata goes into extended attributes, with the object in one step, where the file system has them. */
function metadataIn(sidecar: string): readonly string[] {
  return process.env.TIDEGATE_S3_SIDECAR === undefined ? [] : ['--sidecar', sidecar];
}

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'tidegate-s3-'));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
