// A Kafka broker of the tests' own: one KRaft node in a temporary folder, on free ports, killed for real.

import { spawn, spawnSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { findClassPath } from './jars.js';

/** Where the processes of one run find the broker that is theirs to kill. */
const folderVariable = 'TIDEGATE_KAFKA_FOLDER';
const startTimeoutMs = 90_000;
const ports = { first: 16_000, count: 16_000 };

interface BrokerState {
  readonly pid: number;
  readonly port: number;
  readonly clusterId: string;
  readonly classPath: string;
}

/**
 * Formats a log and starts a broker. Its address stands in `KAFKA_BROKERS` and its folder in
 * `TIDEGATE_KAFKA_FOLDER` from then on, so that child processes find both.
 *
 * @throws BrokerUnavailable when no broker can run on this machine.
 */
export async function startBroker(): Promise<void> {
  const classPath = findClassPath();
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-kafka-'));
  // Not one that begins with `-`: the storage tool takes it for an option.
  const clusterId = `A${randomBytes(16).toString('base64url').slice(1)}`;
  const [port, controllerPort] = await freePorts();
  writeFileSync(join(folder, 'broker.properties'), properties(folder, { port, controllerPort }));
  writeFileSync(join(folder, 'log4j2.properties'), log4j2);
  const format = ['format', '-t', clusterId, '-c', join(folder, 'broker.properties')];
  const { status, stdout, stderr } = spawnSync(
    'java',
    [...javaOptions(folder, classPath), 'kafka.tools.StorageTool', ...format],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`Kafka's storage could not be formatted:\n${stdout}${stderr}`);
  process.env[folderVariable] = folder;
  process.env.KAFKA_BROKERS = `127.0.0.1:${port}`;
  save({ pid: 0, port, clusterId, classPath });
  process.once('exit', removeBroker);
  await launch();
}

/** Whether the broker is one that tests may kill. */
export function isBrokerOurs(): boolean {
  return (process.env[folderVariable] ?? '') !== '';
}

/** SIGKILL; what was written stays. */
export async function killBroker(): Promise<void> {
  const { pid } = state();
  kill(pid);
  while (isAlive(pid)) await delay(10);
}

/** SIGSTOP or SIGCONT: the sockets stay open, and nothing answers. */
export function freezeBroker(isFrozen: boolean): void {
  process.kill(state().pid, isFrozen ? 'SIGSTOP' : 'SIGCONT');
}

/** Starts the killed broker again, on the same port and log. Settles when it answers. */
export async function launch(): Promise<void> {
  const { port, clusterId, classPath } = state();
  const folder = brokerFolder();
  const log = openSync(join(folder, 'broker.log'), 'a');
  const child = spawn(
    'java',
    [...javaOptions(folder, classPath), 'kafka.Kafka', join(folder, 'broker.properties')],
    { stdio: ['ignore', log, log], detached: true },
  );
  closeSync(log);
  child.unref();
  save({ pid: child.pid ?? 0, port, clusterId, classPath });
  await untilItAnswers();
}

/** Another broker may sit on the port: only the right cluster id, and a child that lives, count. */
async function untilItAnswers(): Promise<void> {
  const { pid, port, clusterId } = state();
  const kafka = new Kafka({
    brokers: [`127.0.0.1:${port}`],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  });
  const deadlineMs = Date.now() + startTimeoutMs;
  while (Date.now() < deadlineMs) {
    if (!isAlive(pid)) throw new Error(`the broker ended while it started:\n${logTail()}`);
    const admin = kafka.admin();
    try {
      await admin.connect();
      const answer = await admin.describeCluster();
      if (answer.clusterId !== clusterId) {
        throw new Error(`port ${port} is held by another cluster, ${answer.clusterId}`);
      }
      // The first question makes the topic of groups; until it is loaded nobody can join one.
      await admin.describeGroups(['none']);
      return;
    } catch (error) {
      if (error instanceof Error && error.message.includes('another cluster')) throw error;
    } finally {
      await admin.disconnect();
    }
    await delay(200);
  }
  throw new Error(`the broker does not answer within ${startTimeoutMs} ms:\n${logTail()}`);
}

/** Ends the broker and removes its folder. */
export function removeBroker(): void {
  const folder = process.env[folderVariable] ?? '';
  if (folder === '') return;
  kill(state().pid);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.env[folderVariable] = '';
}

function kill(pid: number): void {
  if (pid > 0 && isAlive(pid)) process.kill(pid, 'SIGKILL');
}

/** A zombie, whose parent has not read its end, is dead. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function brokerFolder(): string {
  const folder = process.env[folderVariable] ?? '';
  if (folder === '') throw new Error('the broker is not ours: it cannot be killed');
  return folder;
}

function state(): BrokerState {
  return JSON.parse(readFileSync(join(brokerFolder(), 'state.json'), 'utf8')) as BrokerState;
}

function save(next: BrokerState): void {
  writeFileSync(join(brokerFolder(), 'state.json'), JSON.stringify(next));
}

function logTail(): string {
  return readFileSync(join(brokerFolder(), 'broker.log'), 'utf8').slice(-4_000);
}

function javaOptions(folder: string, classPath: string): string[] {
  const log = `-Dlog4j2.configurationFile=${join(folder, 'log4j2.properties')}`;
  return ['-Xmx320m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', log, '-cp', classPath];
}

async function freePorts(): Promise<[number, number]> {
  return [await freePort(), await freePort()];
}

/** Below the ports that systems give to outgoing connections. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = ports.first + randomInt(ports.count);
    const server = createServer();
    const isFree = await new Promise<boolean>((onAnswer) => {
      server.once('error', () => onAnswer(false));
      server.listen(port, '127.0.0.1', () => server.close(() => onAnswer(true)));
    });
    if (isFree) return port;
  }
}

const log4j2 = `status=error
rootLogger.level=warn
rootLogger.appenderRef.s.ref=S
appender.s.type=Console
appender.s.name=S
appender.s.layout.type=PatternLayout
appender.s.layout.pattern=%d %p %m (%c)%n
`;

function properties(
  folder: string,
  { port, controllerPort }: { readonly port: number; readonly controllerPort: number },
): string {
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=${join(folder, 'data')}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.cleaner.dedupe.buffer.size=2097152
log.cleaner.backoff.ms=200
log.initial.task.delay.ms=200
log.retention.check.interval.ms=500
log.segment.delete.delay.ms=0
`;
}
