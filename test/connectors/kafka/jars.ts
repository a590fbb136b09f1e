// Finds Java and Kafka's jars: a folder that is named, the cache, or Maven Central.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const cache = resolve('node_modules/.cache/tidegate/kafka-4.4.0');
const oldestJava = 17;

/** What is missing, for one plain line. */
export class BrokerUnavailable extends Error {}

/**
 * The class path of a broker.
 *
 * @throws BrokerUnavailable without Java 17, or without jars and Maven.
 */
export function findClassPath(): string {
  requireJava();
  const given = process.env.TIDEGATE_KAFKA_JARS;
  const folder = given === undefined ? fetchJars() : resolve(given);
  if (!existsSync(folder) || !readdirSync(folder).some((name) => /^kafka_.*\.jar$/.test(name))) {
    throw new BrokerUnavailable(`${folder} has no kafka_*.jar in it`);
  }
  return join(folder, '*');
}

function requireJava(): void {
  const { stdout, stderr, error } = spawnSync('java', ['-version'], { encoding: 'utf8' });
  if (error !== undefined) throw new BrokerUnavailable('there is no java on the path');
  const version = /version "(\d+)/.exec(`${stdout}${stderr}`)?.[1];
  if (Number(version) >= oldestJava) return;
  throw new BrokerUnavailable(`java is version ${version}, older than ${oldestJava}`);
}

/** Into the cache, in one step: a download that was cut off is no cache. */
function fetchJars(): string {
  if (existsSync(cache)) return cache;
  const folder = `${cache}.${process.pid}`;
  mkdirSync(folder, { recursive: true });
  cpSync('test/connectors/kafka/pom.xml', join(folder, 'pom.xml'));
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime'];
  const { status, error, stdout, stderr } = spawnSync(
    'mvn',
    ['-q', '-B', '-f', join(folder, 'pom.xml'), ...goal, `-DoutputDirectory=${folder}`],
    { encoding: 'utf8' },
  );
  if (error !== undefined || status !== 0) {
    rmSync(folder, { recursive: true, force: true });
    const why = error === undefined ? `${stdout}${stderr}`.slice(-500) : 'there is no mvn';
    throw new BrokerUnavailable(
      `no jars of Kafka: set TIDEGATE_KAFKA_JARS to a folder of them, or install Maven (${why})`,
    );
  }
  renameSync(folder, cache);
  return cache;
}
