// Every error code of tidegate: what kind of trouble it is and what to do about it.

/**
 * What a caller can do about an error:
 * `retryable` try again; `fenced` another owner has taken over, stop; `invalid` fix the call or the
 * configuration; `corrupt` stored bytes are damaged; `in-doubt` an outcome is not known yet, never
 * assume one; `internal` a bug in tidegate.
 */
export type ErrorKind = 'retryable' | 'fenced' | 'invalid' | 'corrupt' | 'in-doubt' | 'internal';

interface ErrorCodeEntry {
  readonly kind: ErrorKind;
  readonly remedy: string;
}

/** The table of codes. A code is never renamed and never given another meaning. */
export const errorCodes = {
  TIDEGATE_BUG: {
    kind: 'internal',
    remedy: 'This is a bug in tidegate: please report it with this message and the stack.',
  },

  // Manifest
  TIDEGATE_MANIFEST_SYNTAX: {
    kind: 'corrupt',
    remedy:
      'The manifest is not well-formed JSON: restore the file from a copy or use an older checkpoint.',
  },
  TIDEGATE_MANIFEST_ENCODING: {
    kind: 'corrupt',
    remedy:
      'A manifest is UTF-8 without a byte order mark: save it so, or use an older checkpoint.',
  },
  TIDEGATE_MANIFEST_TYPE: {
    kind: 'corrupt',
    remedy: 'A field has the wrong type: restore the file from a copy or use an older checkpoint.',
  },
  TIDEGATE_MANIFEST_RANGE: {
    kind: 'corrupt',
    remedy: 'A number is outside the range of its field: correct the value named in the message.',
  },
  TIDEGATE_MANIFEST_COUNTER_TOO_LARGE: {
    kind: 'invalid',
    remedy: 'tidegate keeps counters exactly up to 2^53-1 (9007199254740991) and never rounds one.',
  },
  TIDEGATE_MANIFEST_MISSING_FIELD: {
    kind: 'corrupt',
    remedy:
      'A mandatory field is missing: restore the file from a copy or use an older checkpoint.',
  },
  TIDEGATE_MANIFEST_DUPLICATE_FIELD: {
    kind: 'corrupt',
    remedy: 'One name stands twice in one object: remove the wrong one.',
  },
  TIDEGATE_MANIFEST_TOO_DEEP: {
    kind: 'corrupt',
    remedy: 'The document is nested too deeply to be a manifest.',
  },
  TIDEGATE_MANIFEST_TOO_LARGE: {
    kind: 'invalid',
    remedy:
      'Raise maxBytes if a manifest of this size is meant; large states belong in the sidecar.',
  },
  TIDEGATE_MANIFEST_CHECKSUM: {
    kind: 'corrupt',
    remedy:
      'The manifest was changed after it was written: restore it from a copy or use an older checkpoint.',
  },
  TIDEGATE_MANIFEST_VERSION: {
    kind: 'invalid',
    remedy: 'The manifest was written by a newer version: upgrade tidegate to resume from it.',
  },
  TIDEGATE_MANIFEST_UPDATE: {
    kind: 'internal',
    remedy:
      'A stored checkpoint only moves forward: take a new checkpoint instead of changing one.',
  },
  'LDB-4004': {
    kind: 'corrupt',
    remedy: 'The operator state is not valid base64: use an older checkpoint.',
  },

  // Ownership
  TIDEGATE_FENCED: {
    kind: 'fenced',
    remedy:
      'Another owner has taken over: stop, and touch no sink. It goes on from where you were.',
  },

  // Sinks
  TIDEGATE_SINK_STORE: {
    kind: 'invalid',
    remedy:
      'The sink holds output of another store under this pipeline name: use that store, another ' +
      'pipeline name, or clear what the sink remembers of this pipeline.',
  },
  TIDEGATE_SINK_WRITE_FAILED: {
    kind: 'retryable',
    remedy: 'A write of this epoch failed, so it cannot be pre-committed: recover and write again.',
  },

  // File connectors
  TIDEGATE_SINK_DIRECTORY: {
    kind: 'invalid',
    remedy: 'Each sink has a directory, or a prefix, of its own: name another one.',
  },
  TIDEGATE_SINK_HANDLE: {
    kind: 'invalid',
    remedy: 'Give a sink the handles that it gave: register it under the name that it had.',
  },
  TIDEGATE_SINK_RECORD: {
    kind: 'invalid',
    remedy: 'encode must give text or bytes for every record that can reach the sink.',
  },
  TIDEGATE_SINK_RECORDS: {
    kind: 'invalid',
    remedy: 'Give write() an array of records, also for a single one.',
  },
  TIDEGATE_FILES_FULL: {
    kind: 'retryable',
    remedy: 'The disk is full: make room. What was committed is intact.',
  },
  TIDEGATE_FILES_PERMISSION: {
    kind: 'invalid',
    remedy: 'Let this user use the path named, or use another one.',
  },
  TIDEGATE_FILES_CORRUPT: {
    kind: 'corrupt',
    remedy:
      'Something else wrote here, or a file was damaged or taken away: look at the path named.',
  },
  TIDEGATE_FILES_MARKER_PRUNED: {
    kind: 'in-doubt',
    remedy:
      'Too long ago to be known: look at the published output, or restore a newer checkpoint.',
  },
  TIDEGATE_FILES_IO: {
    kind: 'retryable',
    remedy: 'The file system failed: see the cause. The outcome is unknown until the next open.',
  },

  // Object sink
  TIDEGATE_OBJECTS_PERMISSION: {
    kind: 'invalid',
    remedy: 'Let these credentials read, write, list and delete below the prefix named.',
  },
  TIDEGATE_OBJECTS_CORRUPT: {
    kind: 'corrupt',
    remedy:
      'Something else wrote below this prefix, or an object was damaged or taken away: look at the ' +
      'name in the message.',
  },
  TIDEGATE_OBJECTS_IO: {
    kind: 'retryable',
    remedy:
      'The service failed or did not answer: see the cause. The outcome is unknown until the next open.',
  },
  TIDEGATE_SOURCE_CHANGED: {
    kind: 'invalid',
    remedy:
      'Bring the file back as it was when it was read, or start over with a new store and sinks.',
  },
  TIDEGATE_SOURCE_LOST: {
    kind: 'invalid',
    remedy:
      'Bring back what the position is of. To go on without it, start once with acceptLostInput, ' +
      'which names the source and the checkpoint; the next checkpoint says so.',
  },
  TIDEGATE_SOURCE_OFFSETS: {
    kind: 'invalid',
    remedy: 'The offsets belong to another kind of source: register that one under its old name.',
  },
  TIDEGATE_SOURCE_POSITION: {
    kind: 'invalid',
    remedy:
      'Give offsets as a plain object of texts, such as { line: String(line) }; a Map as ' +
      'Object.fromEntries(map).',
  },
  TIDEGATE_SOURCE_RECORD: {
    kind: 'invalid',
    remedy: 'Correct the place named, or choose the policy skip or a dead letter for bad records.',
  },
  TIDEGATE_SOURCE_ENCODING: {
    kind: 'invalid',
    remedy: 'A source file is UTF-8: convert it, or correct the bytes at the place named.',
  },

  // Store
  TIDEGATE_STORE_OWNED: {
    kind: 'retryable',
    remedy:
      'Another process owns the store: stop it, wait for it, or open with liveOwner "take-over".',
  },
  TIDEGATE_STORE_LAYOUT: {
    kind: 'invalid',
    remedy:
      'The checkpoints lie elsewhere or in another layout, as the message says: nothing was made or moved.',
  },
  TIDEGATE_STORE_PIPELINE: {
    kind: 'invalid',
    remedy: 'A store belongs to one pipeline: use its name, or another directory or prefix.',
  },
  TIDEGATE_STORE_CLOSED: {
    kind: 'invalid',
    remedy: 'The store was closed: open it again.',
  },
  TIDEGATE_CHECKPOINT_NOT_FOUND: {
    kind: 'invalid',
    remedy: 'There is no such checkpoint; list() says which there are.',
  },
  TIDEGATE_CHECKPOINT_ID: {
    kind: 'invalid',
    remedy: 'Write only under ids that allocateCheckpointId of this owner gave, each once.',
  },
  TIDEGATE_SEQUENCE_EXHAUSTED: {
    kind: 'retryable',
    remedy: 'This generation has used all its checkpoint ids: take the next generation.',
  },
  TIDEGATE_GENERATIONS_EXHAUSTED: {
    kind: 'invalid',
    remedy: 'No generation is left above the ids in this directory: use a new directory.',
  },
  TIDEGATE_STATE_TOO_LARGE: {
    kind: 'invalid',
    remedy: 'Raise maxCheckpointBytes, or keep less state; nothing was kept of this sidecar.',
  },
  TIDEGATE_STATE_MISMATCH: {
    kind: 'invalid',
    remedy: 'The manifest must state exactly the sidecar that was written for it, or none.',
  },
  TIDEGATE_STATE_CORRUPT: {
    kind: 'corrupt',
    remedy: 'Bring the sidecar back from a copy, or use an older checkpoint.',
  },
  TIDEGATE_STORE_CORRUPT: {
    kind: 'corrupt',
    remedy:
      'Something other than a store wrote here, or a file was damaged: look at the path named, ' +
      'bring it back from a copy or move it away.',
  },
  TIDEGATE_OBJECT_STORAGE: {
    kind: 'invalid',
    remedy:
      'Make the bucket, or use a service that honours If-None-Match and If-Match on PUT, as the ' +
      'message says.',
  },
  TIDEGATE_STORE_FULL: {
    kind: 'retryable',
    remedy: 'The disk is full: make room. Earlier checkpoints are intact.',
  },
  TIDEGATE_STORE_PERMISSION: {
    kind: 'invalid',
    remedy: 'Let this user write the directory named, or use another one.',
  },
  TIDEGATE_STORE_IO: {
    kind: 'retryable',
    remedy:
      'The file system or the service failed: see the cause. The outcome is unknown until the next open.',
  },

  // Coordinator
  TIDEGATE_OPTIONS: {
    kind: 'invalid',
    remedy: 'Correct every problem that the message lists; nothing was opened or started.',
  },
  TIDEGATE_LIFECYCLE: {
    kind: 'invalid',
    remedy: 'The call does not fit the phase of the coordinator that the message names.',
  },
  TIDEGATE_HALTED: {
    kind: 'in-doubt',
    remedy:
      'The coordinator stopped so that a person can look: see the cause, mend it, start again.',
  },
  TIDEGATE_FINAL_CHECKPOINT: {
    kind: 'retryable',
    remedy: 'The last records were not committed: start again, recovery goes back to before them.',
  },
  TIDEGATE_STEP_TIMEOUT: {
    kind: 'retryable',
    remedy: 'Raise the bound named in the message if the participant is slow rather than stuck.',
  },
  TIDEGATE_PARTICIPANT: {
    kind: 'retryable',
    remedy: 'A source, operator or sink failed: see the cause. The coordinator recovers by itself.',
  },
  TIDEGATE_CHECKPOINT_TOO_LARGE: {
    kind: 'invalid',
    remedy: 'Raise maxCheckpointBytes, or keep less state in the operators that the message names.',
  },
  TIDEGATE_STATE_NOT_JSON: {
    kind: 'invalid',
    remedy: 'jsonState saves what JSON can hold: turn the value into that, or write an operator.',
  },
  TIDEGATE_STATE_ALIASED: {
    kind: 'invalid',
    remedy: 'capture() must freeze the state: copy what later records change before it returns.',
  },
  TIDEGATE_SINKS_UNSETTLED: {
    kind: 'in-doubt',
    remedy: 'The sinks named have not confirmed their commit: recovery asks them.',
  },
  TIDEGATE_RECOVERY_FAILED: {
    kind: 'in-doubt',
    remedy: 'Recovery did not finish: see the cause. Nothing was guessed; start again.',
  },

  // Pipeline
  TIDEGATE_PIPELINE: {
    kind: 'invalid',
    remedy: 'Correct the pipeline as the message says; nothing was opened or started.',
  },
  TIDEGATE_STREAM_FOREIGN: {
    kind: 'invalid',
    remedy:
      'Let barriers through: make the stream with what build() is given, or wrap it with oneToOne ' +
      'or perEpoch. When it is refused where it is built, nothing was opened.',
  },
  TIDEGATE_STREAM_COUNT: {
    kind: 'invalid',
    remedy:
      'Wrap a stream that drops, adds or gathers records with perEpoch, or make it of flatMap or an operator.',
  },
  TIDEGATE_STREAM_FAILED: {
    kind: 'retryable',
    remedy: 'A stream of yours failed: see the cause. Recovery builds the streams anew.',
  },
  TIDEGATE_STREAM_ENDED: {
    kind: 'retryable',
    remedy: 'Somebody destroyed or ended a stream of the chain: recovery builds the streams anew.',
  },
  TIDEGATE_STREAM_RECORD: {
    kind: 'invalid',
    remedy: 'null ends a stream of Node: send an object that stands for it.',
  },
  TIDEGATE_OPERATOR_FAILED: {
    kind: 'invalid',
    remedy: 'Correct the function, or give the stream an onError of "skip" or "dead-letter".',
  },
  TIDEGATE_OPERATOR_LATE: {
    kind: 'invalid',
    remedy:
      'Do it before the function returns or, in apply(), before its promise settles: a checkpoint ' +
      'may have been taken since, and this belongs to neither side of it.',
  },
  TIDEGATE_SOURCE_FAILED: {
    kind: 'retryable',
    remedy: 'The source threw while it was read: see the cause. It is read again after a recovery.',
  },
  TIDEGATE_SOURCE_UNANSWERED: {
    kind: 'retryable',
    remedy:
      'The source was away for longer than timeouts.inDoubtMs: bring it back, then start again. ' +
      'Nothing is lost.',
  },
  TIDEGATE_OPERATOR_STATE: {
    kind: 'corrupt',
    remedy:
      'The saved state of the operator cannot be read: use an older checkpoint, or the version ' +
      'of the program that has written it.',
  },
  TIDEGATE_OPERATOR_MIGRATION: {
    kind: 'invalid',
    remedy:
      'Correct the migrate function: no checkpoint was changed, and the next start calls it again.',
  },

  // Recovery
  TIDEGATE_RECOVERY_UNANSWERED: {
    kind: 'in-doubt',
    remedy:
      'Bring back the sink or store that the message names and start again: nothing was guessed.',
  },
  TIDEGATE_RECOVERY_SINK_REFUSED: {
    kind: 'invalid',
    remedy: 'The sink refused, or gave no possible answer: see the cause, mend it, start again.',
  },
  TIDEGATE_RECOVERY_UNKNOWN_SINK: {
    kind: 'invalid',
    remedy:
      'Register the sink again as it was, recover once, and remove it afterwards; or restore a savepoint.',
  },
  TIDEGATE_RECOVERY_NOTHING_TO_RESUME: {
    kind: 'corrupt',
    remedy:
      'Bring the checkpoints back from a copy. To start over on purpose, use a new store and empty ' +
      'sinks, or another pipeline name.',
  },
  TIDEGATE_RECOVERY_TWO_IN_DOUBT: {
    kind: 'in-doubt',
    remedy: 'Compare the sinks with the checkpoints named, then restore a chosen one.',
  },
  TIDEGATE_RECOVERY_CORRUPT: {
    kind: 'corrupt',
    remedy:
      'Bring the checkpoint back from a copy, or restore an older one and accept duplicates by name.',
  },
  TIDEGATE_RECOVERY_NEWER_VERSION: {
    kind: 'invalid',
    remedy: 'Start the version of tidegate that wrote the checkpoint, or a newer one.',
  },
  TIDEGATE_RECOVERY_BEYOND_LIMITS: {
    kind: 'invalid',
    remedy:
      'Nothing was moved. Raise maxManifestBytes for a large manifest; ids and counters above 2^53-1 are not read: go on in the program that wrote them, or put the checkpoint elsewhere after a look at it.',
  },
  TIDEGATE_RECOVERY_FOREIGN_IN_DOUBT: {
    kind: 'in-doubt',
    remedy: 'Settle the checkpoint with the program that wrote it, or restore a chosen checkpoint.',
  },
  TIDEGATE_RECOVERY_POLICY: {
    kind: 'in-doubt',
    remedy: 'The policy is halt: look at the sinks, then start with roll-back or roll-forward.',
  },
  TIDEGATE_RECOVERY_SPLIT: {
    kind: 'in-doubt',
    remedy:
      'Some sinks have the epoch and others lost it: repair by hand, or restore and accept duplicates by name.',
  },
  TIDEGATE_RECOVERY_SUPERSEDES: {
    kind: 'invalid',
    remedy:
      'This version resumes no replay: let the version that wrote it take one more checkpoint, or restore ' +
      'a complete checkpoint below it with restoreFrom.',
  },
  TIDEGATE_RECOVERY_NO_BASE: {
    kind: 'corrupt',
    remedy:
      'Bring the older checkpoint back from a copy, or start with the policy roll-forward if all is prepared.',
  },
  TIDEGATE_RECOVERY_SINK_AHEAD: {
    kind: 'in-doubt',
    remedy:
      'The store is older than its sink: bring back the newer one, or restore and accept duplicates by name.',
  },
  TIDEGATE_RECOVERY_SINK_REWOUND: {
    kind: 'in-doubt',
    remedy:
      'The sink lost what it had committed: bring its data back, or restore an older checkpoint.',
  },
  TIDEGATE_RECOVERY_MANIFEST: {
    kind: 'invalid',
    remedy:
      'Start with the pipeline that wrote the checkpoint, or with strictness lenient after a look at it.',
  },
  TIDEGATE_RECOVERY_PARTICIPANT: {
    kind: 'invalid',
    remedy: 'A participant could not be put back: see the cause. No record was read.',
  },
  TIDEGATE_RECOVERY_ABORTED: {
    kind: 'retryable',
    remedy: 'Recovery was ended from outside; start again, it goes on from what is durable.',
  },
  TIDEGATE_RESTORE_REFUSED: {
    kind: 'invalid',
    remedy:
      'When this restore was carried out already, take restoreFrom out. Otherwise choose a complete ' +
      'checkpoint, and give in acceptDuplicatesIn each sink that is past it, with where it is.',
  },

  // PostgreSQL
  TIDEGATE_POSTGRES_OPTIONS: {
    kind: 'invalid',
    remedy: 'Correct the options of the sink or source; nothing was written.',
  },
  TIDEGATE_POSTGRES_UNREACHABLE: {
    kind: 'retryable',
    remedy: 'The server could not be reached or went away: it is tried again.',
  },
  TIDEGATE_POSTGRES_LOGIN: {
    kind: 'invalid',
    remedy: 'The server refused the login: check role, password, database and pg_hba.conf.',
  },
  TIDEGATE_POSTGRES_RIGHTS: {
    kind: 'invalid',
    remedy: 'Let the owner of the objects run the GRANT that the message names.',
  },
  TIDEGATE_POSTGRES_TABLE: {
    kind: 'invalid',
    remedy: 'The table is missing or is none that a sink can write: create or change it.',
  },
  TIDEGATE_POSTGRES_COLUMN: {
    kind: 'invalid',
    remedy: 'Name columns that the table has and that can be written.',
  },
  TIDEGATE_POSTGRES_PREPARED_OFF: {
    kind: 'invalid',
    remedy:
      'Run ALTER SYSTEM SET max_prepared_transactions = 64 and restart the server, or use the ' +
      'durability last-resource.',
  },
  TIDEGATE_POSTGRES_POOLER: {
    kind: 'invalid',
    remedy:
      'A pooler shares backends between transactions: connect to the server directly, or use ' +
      'session mode.',
  },
  TIDEGATE_POSTGRES_BUSY: {
    kind: 'retryable',
    remedy: 'Somebody else holds what is needed: it is tried again.',
  },
  TIDEGATE_POSTGRES_ROW: {
    kind: 'invalid',
    remedy: 'A record does not fit the table: correct the mapping, the column or the input.',
  },
  TIDEGATE_POSTGRES_TRANSACTION: {
    kind: 'in-doubt',
    remedy: 'The transaction ended otherwise than asked: recovery asks the sink what it has.',
  },
  TIDEGATE_POSTGRES_MARKER_PRUNED: {
    kind: 'in-doubt',
    remedy:
      'The marker of a checkpoint this old may have been pruned: raise markersKept before ' +
      'keeping more checkpoints.',
  },
  TIDEGATE_POSTGRES_HANDLE: {
    kind: 'invalid',
    remedy: 'The handle belongs to another sink: register the sink under the name it had.',
  },
  TIDEGATE_POSTGRES_SHARED_TABLE: {
    kind: 'invalid',
    remedy: 'Upsert into one table through one sink: union the streams before it.',
  },
  TIDEGATE_POSTGRES_OWNED: {
    kind: 'invalid',
    remedy: 'One process at a time may open an embedded database: end the other one first.',
  },
  TIDEGATE_POSTGRES_SOURCE: {
    kind: 'invalid',
    remedy:
      'The position is of another server or table, rows of it are gone, or the table cannot be read ' +
      'in order: the message names which, and the way out.',
  },
  TIDEGATE_POSTGRES_FAILED: {
    kind: 'retryable',
    remedy: 'The server refused a statement: see the cause.',
  },

  // Kafka
  TIDEGATE_KAFKA_OPTIONS: {
    kind: 'invalid',
    remedy: 'Correct the options of the sink or source; nothing was read or written.',
  },
  TIDEGATE_KAFKA_UNREACHABLE: {
    kind: 'retryable',
    remedy: 'The broker is away or asks to wait: it is tried again.',
  },
  TIDEGATE_KAFKA_LOGIN: {
    kind: 'invalid',
    remedy: 'The broker refused the connection: check mechanism, user, password and TLS.',
  },
  TIDEGATE_KAFKA_RIGHTS: {
    kind: 'invalid',
    remedy: 'Grant the principal the operation that the message names (kafka-acls --add).',
  },
  TIDEGATE_KAFKA_TOPIC: {
    kind: 'invalid',
    remedy:
      'Create the topic that the message names, or correct its name: none is made by reading.',
  },
  TIDEGATE_KAFKA_POSITION: {
    kind: 'invalid',
    remedy:
      'The position is of another cluster or topic, or its records are gone: the message names which, ' +
      'and the way out. Nothing was skipped.',
  },
  TIDEGATE_KAFKA_REBALANCED: {
    kind: 'retryable',
    remedy:
      'The group took partitions away: it is joined again. If another member stays, stop it, or ' +
      'leave out joinGroup.',
  },
  TIDEGATE_KAFKA_TIMEOUT: {
    kind: 'invalid',
    remedy: 'Lower the transaction timeout, or raise transaction.max.timeout.ms of the broker.',
  },
  TIDEGATE_KAFKA_TOO_LARGE: {
    kind: 'invalid',
    remedy: 'Raise max.message.bytes of the topic, or send smaller records.',
  },
  TIDEGATE_KAFKA_REPLICAS: {
    kind: 'retryable',
    remedy: 'Fewer replicas are in sync than min.insync.replicas asks for: bring brokers back.',
  },
  TIDEGATE_KAFKA_MARKER: {
    kind: 'corrupt',
    remedy: 'Something else has written into the marker topic: give the sink another one.',
  },
  TIDEGATE_KAFKA_MARKER_PRUNED: {
    kind: 'in-doubt',
    remedy: 'Too long ago to be known: look at the topic, or restore a newer checkpoint.',
  },
  TIDEGATE_KAFKA_TRANSACTION: {
    kind: 'in-doubt',
    remedy: 'The end of the transaction is not known: recovery reads the markers.',
  },
  TIDEGATE_KAFKA_TIMED_OUT: {
    kind: 'retryable',
    remedy:
      'The broker aborted the transaction, which was open for too long: raise its timeout above the ' +
      'interval and the bounds of a checkpoint.',
  },
  TIDEGATE_KAFKA_UNSUPPORTED: {
    kind: 'invalid',
    remedy: 'The client or the broker lacks what the message names: use another client or version.',
  },
  TIDEGATE_KAFKA_REFUSED: {
    kind: 'invalid',
    remedy: 'The broker refused the request itself: see the cause.',
  },

  // Tasks
  TIDEGATE_TASKS_PARTITIONS: {
    kind: 'invalid',
    remedy:
      'Go back to the number of partitions that was recorded, or start over with new stores and ' +
      'sinks: keys are in other partitions now.',
  },
  TIDEGATE_TASKS_NAME: {
    kind: 'invalid',
    remedy: 'Name the pipeline of a task with task.name(base), so that no two tasks share it.',
  },
  TIDEGATE_TASKS_ENDED: {
    kind: 'retryable',
    remedy: 'The run of the task ended without having been asked to: it is started again.',
  },

  // HTTP
  TIDEGATE_HTTP_REFUSED: {
    kind: 'invalid',
    remedy: 'The server refuses the request itself: correct address, headers or records.',
  },
  TIDEGATE_HTTP_UNREACHABLE: {
    kind: 'retryable',
    remedy: 'The server did not accept the request in all tries: it is tried again after recovery.',
  },

  // Write-ahead
  TIDEGATE_WRITE_AHEAD_OPTIONS: {
    kind: 'invalid',
    remedy: 'Wrap a sink that is last-resource, fenced, or idempotent and orders its writes.',
  },
  TIDEGATE_WRITE_AHEAD_CORRUPT: {
    kind: 'corrupt',
    remedy:
      'A staged file was damaged: bring it back from a copy, or roll back as the message says.',
  },
} as const satisfies Record<string, ErrorCodeEntry>;

/** One of `errorCodes`. */
export type ErrorCode = keyof typeof errorCodes;
