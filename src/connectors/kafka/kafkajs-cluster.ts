// Single requests through kafkajs: partition assigners get the cluster, without joining a group.

import type { KafkaJsClient, KafkaJsCluster, KafkaJsConsumer } from './kafkajs-client.js';
import { KafkaFailure } from './driver.js';
import { toFailure } from './kafkajs-errors.js';

/** Never joined, so that the broker never sees it. */
const groupId = 'tidegate-no-group';

export interface ClusterHandle {
  readonly cluster: KafkaJsCluster;
  close(): Promise<void>;
}

/**
 * Connected, and not bound to a group. `readUncommitted` counts open transactions in ends of
 * partitions.
 */
export async function connectCluster(
  client: KafkaJsClient,
  { readUncommitted }: { readonly readUncommitted: boolean },
): Promise<ClusterHandle> {
  let cluster: KafkaJsCluster | undefined;
  const consumer: KafkaJsConsumer = client.consumer({
    groupId,
    allowAutoTopicCreation: false,
    readUncommitted,
    partitionAssigners: [
      (config) => {
        ({ cluster } = config);
        return undefined as never;
      },
    ],
  });
  if (cluster === undefined) {
    throw new KafkaFailure(
      'unsupported',
      'kafkajs gave its partition assigner no cluster: use 2.2',
    );
  }
  try {
    await consumer.connect();
  } catch (error) {
    await consumer.disconnect().catch(() => undefined);
    throw toFailure(error, 'connecting');
  }
  return { cluster, close: () => consumer.disconnect().catch(() => undefined) };
}
