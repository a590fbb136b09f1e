// The adapter for kafkajs 2.2 (https://kafka.js.org).

import { contractProblem } from '../../given.js';
import { TidegateError } from '../../errors.js';
import type { CallOptions } from '../../contracts/source.js';
import { orAborted } from '../../runtime/abort.js';
import type { KafkaConsumer, KafkaConsumerOptions, KafkaDriver } from './driver.js';
import { connectAdmin } from './kafkajs-admin.js';
import type { KafkaJsClient } from './kafkajs-client.js';
import { connectCluster } from './kafkajs-cluster.js';
import { JsConsumer } from './kafkajs-consumer.js';
import { toFailure } from './kafkajs-errors.js';
import { Membership } from './kafkajs-membership.js';
import { connectProducer } from './kafkajs-producer.js';

/**
 * A driver over a client of kafkajs, `new Kafka({ brokers, ssl, sasl })`; `npm install kafkajs`. It
 * gives no topic ids. Snappy, LZ4 and ZSTD need a codec in `CompressionCodecs` of kafkajs.
 *
 * @throws TidegateError `TIDEGATE_OPTIONS` for what is no client of kafkajs.
 */
export function kafkaJs(client: KafkaJsClient): KafkaDriver {
  const problem = contractProblem(client, ['admin', 'producer', 'consumer']);
  if (problem !== undefined) {
    throw new TidegateError(
      'TIDEGATE_OPTIONS',
      `kafkaJs takes a client of kafkajs, such as new Kafka({ brokers }): ${problem}`,
    );
  }
  return {
    client: 'kafkajs',
    admin: (options) => connectAdmin(client, options),
    producer: (producer, options) => connectProducer(client, producer, options),
    consumer: (consumer, options) => connectConsumer(client, consumer, options),
  };
}

async function connectConsumer(
  client: KafkaJsClient,
  options: KafkaConsumerOptions,
  { signal }: CallOptions,
): Promise<KafkaConsumer> {
  const { topic, group } = options;
  let close = (): Promise<void> => Promise.resolve();
  try {
    const handle = await orAborted(connectCluster(client, { readUncommitted: false }), signal);
    close = () => handle.close();
    await orAborted(handle.cluster.addTargetTopic(topic), signal);
    const membership = group === undefined ? undefined : new Membership(client, { topic, group });
    if (membership !== undefined) await orAborted(membership.connect(), signal);
    return new JsConsumer(handle, options, membership);
  } catch (error) {
    await close();
    signal.throwIfAborted();
    throw toFailure(error, `reading topic ${topic}`);
  }
}
