// The broker of the tests: it is the one that was started, and a kill keeps what was written.

import { expect, test } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { isBrokerOurs, killBroker, launch } from './broker.js';

test('a broker that is killed comes back with its topics', async () => {
  const brokers = (process.env.KAFKA_BROKERS ?? '').split(',');
  const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING });
  const topic = `kept-${Math.random()}`;
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
  if (isBrokerOurs()) {
    await killBroker();
    await launch();
  }
  expect(await admin.listTopics()).toContain(topic);
  await admin.disconnect();
});
