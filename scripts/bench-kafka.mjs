// Runs the benchmark of Kafka against a broker that is started for it, or the one of KAFKA_BROKERS:
//
//   npm run bench:kafka               a few minutes
//   npm run bench:kafka -- --quick    shows that it runs, not how fast

import { spawnSync } from 'node:child_process';
import { removeBroker, startBroker } from '../test/connectors/kafka/broker.ts';
import { BrokerUnavailable } from '../test/connectors/kafka/jars.ts';

try {
  if (process.env.KAFKA_BROKERS === undefined) await startBroker();
  const program = ['--import', 'tsx', 'bench/kafka.bench.ts', ...process.argv.slice(2)];
  process.exitCode = spawnSync(process.execPath, program, { stdio: 'inherit' }).status ?? 1;
} catch (error) {
  if (!(error instanceof BrokerUnavailable)) throw error;
  console.log(`bench:kafka skipped: ${error.message}.`);
} finally {
  removeBroker();
}
