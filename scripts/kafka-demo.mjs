// The flights over Kafka: a topic of six partitions into PostgreSQL and another topic, with kills:
//
//   npm run demo:kafka                    150 000 flights, one to two minutes
//   npm run demo:kafka -- --rows 500000 --seed 7
//
// Processes are killed at random and at the beginning of each step, and the broker twice. What is there
// in the end is compared with what the data set alone gives; the checker shares no code with the job.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PGlite } from '@electric-sql/pglite';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { killBroker, launch, removeBroker, startBroker } from '../test/connectors/kafka/broker.ts';
import { BrokerUnavailable } from '../test/connectors/kafka/jars.ts';
import { writeFlights } from '../examples/main-job/flights-file.ts';
import { tableColumns } from '../examples/main-job/warehouse.ts';
import { readTopic } from './chaos/kafka-checker.mjs';
import { randomFrom, startChild, Tally, within } from './chaos/rounds.mjs';
import { positive, script, whole } from './flags.mjs';
import { root, transpile } from './transpile.mjs';

const { rows, seed } = script('demo:kafka', 'The flights over Kafka, with kills.')
  .option('--rows <count>', 'flights to read', positive, 150_000)
  .option('--seed <number>', 'of what is drawn at random', whole, Date.now() % 1_000_000)
  .parse()
  .opts();
const next = randomFrom(seed);
const steps = ['barrier', 'snapshot', 'pre-commit', 'persist', 'commit', 're-save'];
const endMs = 300_000;
const room = mkdtempSync(join(tmpdir(), 'tidegate-kafka-demo-'));
const build = transpile(`kafka-demo-${process.pid}`, {
  folders: ['src', 'examples/main-job', 'examples/kafka-job'],
  // In this build the package by its own name is the sources beside it.
  change: (path, text) => (path.startsWith('examples/') ? ownImports(text) : text),
});
writeFileSync(join(build, 'package.json'), '{ "type": "module" }');
process.on('exit', () => {
  removeBroker();
  for (const made of [room, build]) rmSync(made, { recursive: true, force: true, maxRetries: 5 });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));

console.log(`${rows} flights, seed ${seed}: a broker is started (Java, from Maven's jars)`);
try {
  await startBroker();
} catch (error) {
  if (!(error instanceof BrokerUnavailable)) throw error;
  console.log(`demo:kafka skipped: ${error.message}.`);
  process.exit(process.env.CI === 'true' ? 1 : 0);
}
const brokers = process.env.KAFKA_BROKERS ?? '';
const topics = { input: 'flights', late: 'late-flights' };
const parquet = join(root, 'node_modules/vega-datasets/data/flights-3m.parquet');
const flights = join(room, 'flights.jsonl');
await writeFlights(parquet, flights, rows, () => undefined);
await fill();
const warehouse = await PGlite.create(join(room, 'warehouse'));
await warehouse.exec(`CREATE TABLE statistics (${tableColumns})`);
await warehouse.close();

const startedMs = Date.now();
const tally = new Tally();
let brokerKills = 0;
for (let kill = 0; ; kill += 1) {
  const step = kill % 2 === 1 ? steps[((kill - 1) / 2) % steps.length] : undefined;
  const killAt = step && { step, occurrence: 1 + Math.floor(next() * 2) };
  const child = startWorker(kill < 2 * steps.length ? killAt : undefined);
  if (kill === 5 || kill === 11) {
    await within(child.ready, endMs);
    await killBroker();
    await delay(next() * 1_000);
    await launch();
    brokerKills += 1;
  }
  const isSpared = kill >= 2 * steps.length || killAt !== undefined;
  if (!isSpared) {
    await within(child.ready, endMs);
    await delay(next() * 600);
    await child.kill();
  }
  const ended = await within(child.ended, endMs);
  if (ended?.code === 0) break;
  if (ended?.signal !== 'SIGKILL') throw new Error(`a process ended by itself:\n${child.output()}`);
  tally.count(step === undefined ? 'at random' : `as ${step} began`);
}
tally.print([['the broker', brokerKills]]);

const wanted = expected();
const found = await outputs();
let isSame = true;
for (const [output, lines] of Object.entries(wanted)) {
  const { lost, duplicates } = difference(lines, found[output]);
  isSame &&= lost + duplicates === 0;
  console.log(`${output}: ${lines.length} lines, lost ${lost}, duplicates ${duplicates}`);
}
console.log(`left open ${found.leftOpen}, ${((Date.now() - startedMs) / 1_000).toFixed(0)} s`);
process.exit(isSame && found.leftOpen === 0 ? 0 : 1);

function ownImports(text) {
  const entries = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).exports;
  return text.replaceAll(/from '(tidegate(?:\/\w[\w-]*)?)'/g, (_, name) => {
    const entry = entries[name.replace('tidegate', '.')].default;
    return `from '../../${entry.replace('./dist/', 'src/')}'`;
  });
}

function startWorker(killAt) {
  const task = { brokers, room, input: topics.input, late: topics.late, killAt };
  return startChild(join(build, 'examples/kafka-job/worker.js'), task);
}

async function fill() {
  const kafka = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const made = Object.values(topics).map((topic) => ({ topic, numPartitions: 6 }));
  await admin.createTopics({ topics: made, waitForLeaders: true });
  await admin.disconnect();
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const lines = readFileSync(flights, 'utf8').trimEnd().split('\n');
  for (let first = 0; first < lines.length; first += 2_000) {
    const messages = lines
      .slice(first, first + 2_000)
      .map((value) => ({ key: JSON.parse(value).origin, value }));
    await producer.send({ topic: topics.input, messages });
  }
  await producer.disconnect();
}

/** Worked out by the checker of the main demonstration, in a process of its own. */
function expected() {
  const checker = join(build, 'examples/main-job/checker.js');
  const directory = join(room, 'expected');
  const { status, stderr } = spawnSync(
    process.execPath,
    [checker, parquet, String(rows), directory],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`the checker failed: ${stderr}`);
  const lines = (name) => readFileSync(join(directory, name), 'utf8').trimEnd().split('\n');
  return { statistics: lines('statistics.jsonl'), late: lines('archive.jsonl') };
}

async function outputs() {
  const database = await PGlite.create(join(room, 'warehouse'));
  const { rows: table } = await database.query(
    'SELECT day, airport, flights, late, minutes, worst FROM statistics',
  );
  await database.close();
  const { values, leftOpen } = await readTopic(brokers, topics.late);
  return { statistics: table.map((row) => JSON.stringify(row)), late: values, leftOpen };
}

function difference(lines, actual) {
  const counts = new Map();
  for (const line of actual) counts.set(line, (counts.get(line) ?? 0) + 1);
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) - 1);
  const values = [...counts.values()];
  return {
    lost: values.reduce((sum, count) => sum + Math.max(0, -count), 0),
    duplicates: values.reduce((sum, count) => sum + Math.max(0, count), 0),
  };
}
