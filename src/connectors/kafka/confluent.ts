// The adapter for @confluentinc/kafka-javascript 1.4 or later (librdkafka).

import { TidegateError } from '../../errors.js';
import { contractProblem } from '../../given.js';
import { ConfluentAdmin } from './confluent-admin.js';
import type { ConfluentConfig, ConfluentModule } from './confluent-client.js';
import { ConfluentPartitions } from './confluent-consumer.js';
import { ConfluentTransactions } from './confluent-producer.js';
import type { KafkaDriver } from './driver.js';

/**
 * A driver over Confluent's client: `confluentKafka(confluent, { 'bootstrap.servers': 'localhost:9092' })`
 * with `import confluent from '@confluentinc/kafka-javascript'`.
 *
 * It gives the ids of topics, and no cluster id and no configuration of topics: limits of a topic are
 * noticed when the broker refuses a record.
 *
 * @param config Names and values of librdkafka: brokers, TLS, SASL. What the connectors depend on
 * (`isolation.level`, `enable.auto.commit`, `transactional.id` and the like) is set by them.
 * @throws TidegateError `TIDEGATE_OPTIONS` for what is not that module, or has no brokers.
 */
export function confluentKafka(module: ConfluentModule, config: ConfluentConfig): KafkaDriver {
  const problem =
    contractProblem(module, ['Producer', 'KafkaConsumer']) ??
    contractProblem(module.AdminClient, ['create']);
  if (problem !== undefined) {
    throw new TidegateError(
      'TIDEGATE_OPTIONS',
      `confluentKafka takes the module @confluentinc/kafka-javascript: ${problem}`,
    );
  }
  const brokers = config['bootstrap.servers'] ?? config['metadata.broker.list'];
  if (typeof brokers !== 'string' || brokers === '') {
    throw new TidegateError(
      'TIDEGATE_OPTIONS',
      "confluentKafka takes librdkafka's configuration: 'bootstrap.servers' has to be a text such as " +
        "'localhost:9092'",
    );
  }
  return {
    client: '@confluentinc/kafka-javascript',
    admin: () => Promise.resolve().then(() => new ConfluentAdmin(module, config)),
    producer: (producer) =>
      Promise.resolve().then(() => new ConfluentTransactions(module, config, producer)),
    consumer: async (consumer, options) => {
      const reader = new ConfluentPartitions(module, config, consumer);
      await reader.connect(options);
      return reader;
    },
  };
}
