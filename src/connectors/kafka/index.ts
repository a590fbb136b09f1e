// Kafka connectors: `tidegate/kafka`.

export { KafkaFailure } from './driver.js';
export type {
  KafkaAdmin,
  KafkaConsumer,
  KafkaConsumerOptions,
  KafkaDriver,
  KafkaErrorKind,
  KafkaGroupMember,
  KafkaGroupMembership,
  KafkaGroupOffsets,
  KafkaHeaders,
  KafkaMessage,
  KafkaProducer,
  KafkaProducerOptions,
  KafkaRange,
  KafkaRead,
  KafkaTopic,
  KafkaTransaction,
  NewKafkaTopic,
  RawKafkaRecord,
} from './driver.js';
export { confluentKafka } from './confluent.js';
export type {
  ConfluentAdminClient,
  ConfluentCallback,
  ConfluentClient,
  ConfluentConfig,
  ConfluentConsumer,
  ConfluentListener,
  ConfluentModule,
  ConfluentProducer,
  ConfluentSettings,
} from './confluent-client.js';
export { eachBatchSource } from './each-batch.js';
export type {
  EachBatchCall,
  EachBatchConsumer,
  EachBatchMessage,
  EachBatchOptions,
  EachBatchSource,
} from './each-batch.js';
export { kafkaJs } from './kafkajs.js';
export type {
  KafkaJsAdmin,
  KafkaJsBroker,
  KafkaJsClient,
  KafkaJsCluster,
  KafkaJsConnected,
  KafkaJsConsumer,
  KafkaJsCrashed,
  KafkaJsFetchedPartition,
  KafkaJsAbortedTransaction,
  KafkaJsFetchedMessage,
  KafkaJsFetchedTopic,
  KafkaJsJoined,
  KafkaJsPartitionOffset,
  KafkaJsProducer,
  KafkaJsRetry,
  KafkaJsTransaction,
} from './kafkajs-client.js';
export { kafkaSink } from './sink.js';
export type { KafkaBytes, KafkaSinkHeaders, KafkaSinkOptions } from './sink-options.js';
export { bytes, json, text } from './formats.js';
export type { KafkaFormat } from './formats.js';
export { kafkaSource } from './source.js';
export type { KafkaSourceOptions } from './source-options.js';
export type { BadKafkaRecord, BadKafkaRecordPolicy, KafkaRecord } from './source-records.js';
