// Runs the tests that need a Kafka broker, against one that is started for them and killed by them:
//
//   npm run test:kafka                      Java 17 and Maven, or TIDEGATE_KAFKA_JARS
//   KAFKA_BROKERS=host:9092 npm run test:kafka      one that is there; what kills brokers is skipped
//
// Without Java it says so and skips them; with CI=true that is a failure.

import { spawn } from 'node:child_process';
import { startBroker, removeBroker } from '../test/connectors/kafka/broker.ts';
import { BrokerUnavailable } from '../test/connectors/kafka/jars.ts';

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
try {
  if (process.env.KAFKA_BROKERS === undefined) await startBroker();
  process.exitCode = await runJest();
} catch (error) {
  if (!(error instanceof BrokerUnavailable)) throw error;
  const isRequired = process.env.CI === 'true';
  console.log(`Kafka tests ${isRequired ? 'cannot run' : 'skipped'}: ${error.message}.`);
  process.exitCode = isRequired ? 1 : 0;
} finally {
  removeBroker();
}

function runJest() {
  const jest = ['node_modules/jest/bin/jest.js', '--config', 'jest.kafka.config.js'];
  const node = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...node, ...jest, ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
