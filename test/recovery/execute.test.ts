// What recovery does when a participant, a sink or the store fails while it acts: said in whole.

import { describe, expect, test } from '@jest/globals';
import { TidegateError } from 'tidegate';
import type { RecoveryOptions } from 'tidegate';
import { silentLogger } from 'tidegate/extend';
import type { LogFields, Logger, Offsets, OwnedStore, RestoreOptions } from 'tidegate/extend';
import type { CheckpointManifest } from 'tidegate/manifest';
import { inlineStateDigest } from '../../src/store/state-checks.js';
import {
  answers,
  fails,
  hangs,
  RecoveryWorld,
  refusalOf,
  replaced,
  resumedFrom,
  ScriptedOperator,
  type ScriptedSink,
  ScriptedSource,
} from './kit.js';

describe('a participant that cannot be put back', () => {
  test('is tried three times, with growing delays, and then named with its error', async () => {
    const world = new RecoveryWorld();
    await world.stored({ epoch: 1 });
    const triedAtMs: number[] = [];
    const problem = new Error('lines.jsonl has shrunk');
    world.source.restore = () => {
      triedAtMs.push(world.clock.monotonicMs());
      throw problem;
    };

    const refusal = refusalOf(await world.recover());

    expect(refusal).toMatchObject({
      code: 'TIDEGATE_RECOVERY_PARTICIPANT',
      message: 'restoring source lines failed: lines.jsonl has shrunk',
      cause: problem,
    });
    const [first = 0, second = 0, third = 0] = triedAtMs;
    expect(triedAtMs).toHaveLength(3);
    // Half of 200 and of 400 ms, and chance up to the whole.
    expect(second - first).toBeGreaterThanOrEqual(100);
    expect(second - first).toBeLessThanOrEqual(200);
    expect(third - second).toBeGreaterThanOrEqual(200);
    expect(third - second).toBeLessThanOrEqual(400);
  });

  test('is not tried beside a call of it that hangs', async () => {
    const world = new RecoveryWorld();
    await world.stored({ epoch: 1 });
    let calls = 0;
    world.operator.restore = () => {
      calls += 1;
      return new Promise(() => undefined);
    };

    expect(refusalOf(await world.recover()).message).toBe(
      'restoring operator totals failed: no answer within 30000 ms',
    );
    expect(calls).toBe(1);
  });

  test('is not tried again where its error says that this never helps', async () => {
    const world = new RecoveryWorld();
    await world.stored({ epoch: 1 });
    let calls = 0;
    world.source.restore = () => {
      calls += 1;
      throw new TidegateError('TIDEGATE_BUG', 'never');
    };

    refusalOf(await world.recover());

    expect(calls).toBe(1);
  });

  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });

  test.each(['position', 'restore'] as const)(
    'whose %s meets a refused connection is waited for until the server is back',
    async (call) => {
      const world = new RecoveryWorld();
      if (call === 'restore') await world.stored({ epoch: 1 });
      const real = world.source[call].bind(world.source) as (...given: unknown[]) => unknown;
      const triedAtMs: number[] = [];
      world.source[call] = ((...given: unknown[]) => {
        triedAtMs.push(world.clock.monotonicMs());
        if (triedAtMs.length < 12) throw refused;
        return real(...given);
      }) as never;
      const startedAtMs = world.clock.monotonicMs();

      resumedFrom(await world.recover());

      const pauses = triedAtMs.slice(1).map((atMs, index) => atMs - (triedAtMs[index] ?? 0));
      expect(pauses[0]).toBeLessThanOrEqual(200);
      expect(Math.max(...pauses)).toBeLessThanOrEqual(10_000);
      expect(world.clock.monotonicMs() - startedAtMs).toBeGreaterThan(20_000);
      expect(triedAtMs).toHaveLength(12);
    },
  );

  test('is given up when it has been away for as long as a sink may be', async () => {
    const world = new RecoveryWorld();
    await world.stored({ epoch: 1 });
    world.source.restore = () => {
      throw refused;
    };
    const startedAtMs = world.clock.monotonicMs();

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_RECOVERY_PARTICIPANT');
    expect(refusal.message).toMatch(/ECONNREFUSED \(tried \d+ times in \d+ ms\)$/);
    const waitedMs = world.clock.monotonicMs() - startedAtMs;
    expect(waitedMs).toBeGreaterThan(580_000);
    expect(waitedMs).toBeLessThanOrEqual(600_000);
  });

  test('that ends after it was given up is called again, and never beside itself', async () => {
    const world = new RecoveryWorld();
    await world.stored({ epoch: 1 });
    let calls = 0;
    let running = 0;
    const restore = world.source.restore.bind(world.source);
    const restoreSlowly = async (offsets: Offsets, options: RestoreOptions): Promise<void> => {
      calls += 1;
      running += 1;
      expect(running).toBe(1);
      if (calls > 1) {
        restore(offsets, options);
        return;
      }
      return new Promise<void>((_resolve, reject) => {
        options.signal.addEventListener('abort', () => {
          running -= 1;
          reject(new Error('it was ended'));
        });
      });
    };
    // eslint-disable-next-line @typescript-eslint/no-misused-promises -- a scripted source answers at once
    world.source.restore = restoreSlowly;

    resumedFrom(await world.recover());

    expect(calls).toBe(2);
    expect(world.source.restored).toEqual(['100']);
  });

  test('that works the second time is no problem', async () => {
    const world = new RecoveryWorld();
    await world.stored({ epoch: 1 });
    let calls = 0;
    const restore = world.source.restore.bind(world.source);
    world.source.restore = (offsets: Offsets, options?: RestoreOptions) => {
      calls += 1;
      if (calls === 1) throw new Error('busy');
      restore(offsets, options);
    };

    resumedFrom(await world.recover());

    expect(world.source.restored).toEqual(['100']);
  });

  test('is named by its kind: table, table store, operator', async () => {
    const failing = (): never => {
      throw new Error('no');
    };
    const world = new RecoveryWorld();
    const rates = new ScriptedSource('rates', world.log);
    world.tables.set('rates', rates);
    await world.stored({
      epoch: 1,
      change: (manifest) => ({
        ...manifest,
        tableOffsets: new Map([['rates', manifest.sourceOffsets.get('lines')!]]),
        operatorStates: new Map(),
      }),
    });
    world.options = { strictness: 'lenient' };
    world.operator.reset = failing;
    expect(refusalOf(await world.recover()).message).toBe('resetting operator totals failed: no');
    rates.restore = failing;
    expect(refusalOf(await world.recover()).message).toBe('restoring table rates failed: no');
    world.tableStore = { checkpoint: () => Promise.resolve(''), restore: failing };
    expect(refusalOf(await world.recover()).message).toBe(
      'restoring the table store to nothing failed: no',
    );
  });

  test('is given offsets under any name, without a prototype', async () => {
    const world = new RecoveryWorld();
    await world.stored({
      epoch: 1,
      change: (manifest) => {
        const lines = manifest.sourceOffsets.get('lines')!;
        const offsets = new Map([...lines.offsets, ['constructor', 'c']]);
        return { ...manifest, sourceOffsets: new Map([['lines', { ...lines, offsets }]]) };
      },
    });
    let given: Offsets | undefined;
    world.source.restore = (offsets: Offsets) => void (given = offsets);

    resumedFrom(await world.recover());

    expect(Object.getPrototypeOf(given)).toBeNull();
    expect({ ...given }).toEqual({ line: '100', constructor: 'c' });
  });
});

describe('a first start', () => {
  test('that cannot ask a source or an operator names it', async () => {
    const failing = (): never => {
      throw new Error('no');
    };
    const world = new RecoveryWorld();
    world.operator.reset = failing;
    expect(refusalOf(await world.recover()).message).toBe(
      'the initial state of operator totals failed: no',
    );
    world.source.position = failing;
    expect(refusalOf(await world.recover()).message).toBe(
      'the position of source lines failed: no',
    );
  });

  test('records positions, metadata, names, hash and initial states in one manifest', async () => {
    const world = new RecoveryWorld('archive');
    world.request = { pipelineHash: 9n };
    world.options = { vnodeCount: 64 };
    world.source.position = () =>
      ({ offsets: { line: '3' }, metadata: { file: 'lines.jsonl' } }) as never;
    world.sources.set('clicks', new ScriptedSource('clicks', world.log));
    world.tables.set('rates', new ScriptedSource('rates', world.log));
    world.operator.state = 'left behind';

    const { base } = resumedFrom(await world.recover());

    expect(base.manifest).toMatchObject({
      epoch: 1,
      timestampMs: 1_000_000,
      pipelineHash: 9n,
      vnodeCount: 64,
      sourceNames: ['clicks', 'lines'],
      sinkNames: [],
      watermark: undefined,
      stateChecksum: inlineStateDigest(base.manifest.operatorStates),
      sourceOffsets: new Map([
        [
          'lines',
          {
            epoch: 1,
            offsets: new Map([['line', '3']]),
            metadata: new Map([['file', 'lines.jsonl']]),
          },
        ],
        ['clicks', { epoch: 1, offsets: new Map([['line', '0']]), metadata: new Map() }],
      ]),
      tableOffsets: new Map([
        ['rates', { epoch: 1, offsets: new Map([['line', '0']]), metadata: new Map() }],
      ]),
      tidegate: { kind: 'checkpoint', commitHandles: new Map() },
    });
    const state = base.manifest.operatorStates.get('totals')?.stateB64 ?? '';
    expect(Buffer.from(state, 'base64').toString()).toBe('initial');
  });

  test.each([
    ['nothing', undefined, 'is undefined, not a plain object of texts'],
    ['a Map', new Map([['line', '0']]), 'is a Map, not a plain object of texts'],
    ['an offset that is a number', { line: 3 }, 'has an offset, line, that is of type number'],
    ['a position without texts', { offsets: { line: null } }, 'has an offset, line, that is null'],
  ])('refuses %s as a position, and names the source', async (_what, position, why) => {
    const world = new RecoveryWorld('archive');
    world.source.position = () => position as never;

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_RECOVERY_PARTICIPANT');
    expect(refusal.message).toContain(
      `the position of source lines failed: the position of source lines ${why}`,
    );
  });

  test('keeps what is inline together below eight mebibytes, as every checkpoint does', async () => {
    const world = new RecoveryWorld();
    const state = Buffer.alloc(1_000_000, 7);
    for (let index = 0; index < 9; index += 1) {
      const operator = new ScriptedOperator(`o${index}`, world.log);
      operator.capture = () => ({ encode: () => state });
      world.operators.set(`o${index}`, operator);
    }

    const { base } = resumedFrom(await world.recover());

    const states = [...base.manifest.operatorStates.values()];
    expect(states.filter(({ external }) => external)).toMatchObject([
      { externalOffset: 0, externalLength: 1_000_000 },
    ]);
  });

  test('has a watermark only when every source has one, and then the lowest', async () => {
    const watermarkOf = async (...given: readonly (bigint | undefined)[]) => {
      const world = new RecoveryWorld();
      world.sources.clear();
      for (const [index, watermark] of given.entries()) {
        const source = new ScriptedSource(`s${index}`, world.log);
        source.position = () => ({ offsets: {}, watermark }) as never;
        world.sources.set(`s${index}`, source);
      }
      return resumedFrom(await world.recover()).base.manifest.watermark;
    };

    expect(await watermarkOf(3n, 2n, 4n)).toBe(2n);
    expect(await watermarkOf(3n, undefined)).toBeUndefined();
    expect(await watermarkOf()).toBeUndefined();
  });

  test('starts although an operator cannot release what it captured', async () => {
    const world = new RecoveryWorld();
    world.operator.capture = () =>
      ({
        encode: () => Buffer.from('7'),
        release: () => {
          throw new Error('released twice');
        },
      }) as never;
    const warnings: unknown[] = [];
    const warn = (fields: LogFields, message: string): void => void warnings.push(message, fields);
    const { clock, random } = world;
    world.request = {
      ...world.request,
      ports: { clock, random, logger: { ...silentLogger, warn } },
    };

    const { base } = resumedFrom(await world.recover());

    expect(warnings).toEqual([
      'an operator could not release a snapshot',
      { operator: 'totals', err: new Error('released twice') },
    ]);

    expect(base.manifest.operatorStates.has('totals')).toBe(true);
  });

  test('streams a large initial state that comes in pieces, and releases what it captured', async () => {
    const world = new RecoveryWorld();
    const other = new ScriptedOperator('other', world.log);
    world.operators.set('other', other);
    const piece = Buffer.alloc(700_000);
    let released = 0;
    world.operator.capture = () =>
      ({
        encode: async function* () {
          for (const byte of [1, 2]) yield piece.fill(byte);
        },
        release: () => void (released += 1),
      }) as never;
    other.capture = () => ({ encode: () => Buffer.alloc(1_048_577, 3) });

    const { base } = resumedFrom(await world.recover());

    expect(released).toBe(1);
    expect(base.manifest.operatorStates.get('totals')).toMatchObject({
      external: true,
      externalOffset: 1_048_577,
      externalLength: 1_400_000,
    });
    expect(base.manifest.operatorStates.get('other')).toMatchObject({
      externalOffset: 0,
      externalLength: 1_048_577,
    });
    expect([...new Set(world.operator.state)]).toEqual(['\u0001', '\u0002']);
    expect(other.state).toBe('\u0003'.repeat(1_048_577));
  });

  test('puts states where the settings of every checkpoint put them', async () => {
    const placed = async (options: Partial<RecoveryOptions>): Promise<Record<string, boolean>> => {
      const world = new RecoveryWorld();
      world.options = options;
      for (const [name, byteLength] of Object.entries({ small: 10, middle: 20, totals: 30 })) {
        const operator = name === 'totals' ? world.operator : new ScriptedOperator(name, []);
        operator.capture = () => ({ encode: () => Buffer.alloc(byteLength, 1) });
        world.operators.set(name, operator);
      }
      const { base } = resumedFrom(await world.recover());
      const { operatorStates } = base.manifest;
      return Object.fromEntries([...operatorStates].map(([name, entry]) => [name, entry.external]));
    };

    expect(await placed({})).toEqual({ small: false, middle: false, totals: false });
    expect(await placed({ stateInlineThresholdBytes: 20 })).toEqual({
      small: false,
      middle: false,
      totals: true,
    });
    expect(await placed({ maxInlineBytes: 29 })).toEqual({
      small: false,
      middle: true,
      totals: true,
    });
    expect(await placed({ maxInlineBytes: 0, stateInlineThresholdBytes: 0 })).toEqual({
      small: true,
      middle: true,
      totals: true,
    });
    expect(await placed({ maxCheckpointBytes: 60 })).toBeDefined();
  });

  test.each([
    ['a buffer', () => Buffer.alloc(31)],
    [
      'a stream',
      async function* () {
        for (let piece = 0; piece < 4; piece += 1) yield Promise.resolve(Buffer.alloc(8));
      },
    ],
  ])('refuses initial states above maxCheckpointBytes: %s', async (_what, encode) => {
    const world = new RecoveryWorld();
    world.options = { maxCheckpointBytes: 30 };
    world.operator.capture = () => ({ encode }) as never;

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_CHECKPOINT_TOO_LARGE');
    expect(refusal.message).toContain('maxCheckpointBytes (30 bytes)');
    expect(await world.states()).toEqual({});
  });

  test('refuses an initial state above a gibibyte, by its size so far', async () => {
    const world = new RecoveryWorld();
    const gibibyte = new Uint8Array(1);
    Object.defineProperty(gibibyte, 'byteLength', { value: 2 ** 30 });
    const pieces = [gibibyte, Uint8Array.of(1)];
    const encode = async function* (): AsyncGenerator<Uint8Array> {
      yield* pieces.slice(0, limit);
    };
    world.operator.capture = () => ({ encode }) as never;
    let limit = 2;

    expect(refusalOf(await world.recover()).message).toContain(
      'more than maxCheckpointBytes (1073741824 bytes) together with that of operator totals',
    );
    limit = 1;
    resumedFrom(await world.recover());
  });

  test('names the states that take too long to be written', async () => {
    const world = new RecoveryWorld();
    world.operator.capture = () => ({ encode: () => Buffer.alloc(2_000_000) });
    world.wrapStore = (store) =>
      replaced(store, {
        writeSidecar: () => new Promise(() => undefined),
        takeNextGeneration: () => Promise.reject(new Error('EIO')),
      });

    expect(refusalOf(await world.recover()).message).toMatch(
      /^writing the initial states of checkpoint \d+ failed: .* longer than 30200 ms$/,
    );
  });
});

describe('a sink that fails while recovery acts', () => {
  async function prepared(world: RecoveryWorld): Promise<number> {
    await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const id = await world.stored({ epoch: 2, sinks: { archive: 'P' } });
    world.sink('archive').prepare(id);
    return id;
  }
  const final = new TidegateError('TIDEGATE_BUG', 'never');

  test('is named with the checkpoint, in a commit that is refused or never answered', async () => {
    const world = new RecoveryWorld('archive');
    world.options = { inDoubtPolicy: 'roll-forward' };
    const id = await prepared(world);
    world.sink('archive').on('commit', () => Promise.reject(final));
    expect(refusalOf(await world.recover())).toMatchObject({
      code: 'TIDEGATE_RECOVERY_SINK_REFUSED',
      message: `sink archive in the commit of ${id}: never`,
      cause: final,
    });
    world.sink('archive').always.set('commit', fails);
    expect(refusalOf(await world.recover())).toMatchObject({
      code: 'TIDEGATE_RECOVERY_UNANSWERED',
      message: `sink archive in the commit of ${id}: connection lost`,
    });
  });

  test('is named in a roll back that is refused or never answered', async () => {
    const world = new RecoveryWorld('archive');
    await prepared(world);
    world.sink('archive').on('rollback', () => Promise.reject(final));
    expect(refusalOf(await world.recover())).toMatchObject({
      code: 'TIDEGATE_RECOVERY_SINK_REFUSED',
      message: 'sink archive in its roll back: never',
    });
    world.sink('archive').always.set('rollback', hangs);
    expect(refusalOf(await world.recover()).message).toBe(
      'sink archive in its roll back: no answer within 30000 ms',
    );
  });

  test('that had nothing to commit after all, or had committed what it rolls back, is asked again', async () => {
    const warnings: string[] = [];
    const warn = (fields: object, message: string) => {
      warnings.push(`${message} ${JSON.stringify(fields)}`);
    };
    const logger: Logger = { debug: warn, info: warn, warn, error: warn };
    const world = new RecoveryWorld('archive');
    world.request = { ports: { clock: world.clock, random: world.random, logger } };
    world.options = { inDoubtPolicy: 'roll-forward' };
    const id = await prepared(world);
    world.sink('archive').on('commit', answers('absent'));

    resumedFrom(await world.recover());

    expect(warnings).toEqual([
      'recovery reads the facts again ' +
        JSON.stringify({
          because: `sink archive no longer has anything prepared for ${id}`,
          pass: 0,
        }),
    ]);

    const other = new RecoveryWorld('archive');
    other.request = { ports: { clock: other.clock, random: other.random, logger } };
    const target = await prepared(other);
    other.sink('archive').on('rollback', () => {
      other.sink('archive').committed(target).prepared.clear();
      return new Map([[`archive/${target}`, 'committed']]);
    });
    warnings.length = 0;
    const { base, report } = resumedFrom(await other.recover());
    expect(base.manifest.checkpointId).toBe(target);
    expect(report.rereadings).toBe(1);
    expect(warnings[0]).toContain(
      `sink archive had committed archive/${target} when it was asked to roll it back`,
    );
  });

  test('is asked to commit only where it is prepared, and to discard in any case', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    await world.stored({ epoch: 1 });
    const id = await world.stored({ epoch: 2, sinks: { archive: 'P', warehouse: 'P' } });
    world.sink('archive').committed(id);
    world.sink('warehouse').prepare(id).prepare(77);

    resumedFrom(await world.recover());

    expect(world.sink('archive').calls).not.toContain('commit');
    expect(world.sink('warehouse').calls.filter((call) => call === 'commit')).toHaveLength(1);
    expect([...world.sink('warehouse').markers]).toEqual([id]);
    for (const sink of world.sinks.values()) {
      expect(sink.calls.filter((call) => call === 'rollback')).toHaveLength(1);
      expect(sink.prepared.size).toBe(0);
    }
  });

  test('that cannot be closed after a refusal is logged and delays nothing', async () => {
    const logged: unknown[] = [];
    const warn = (fields: object, message: string) => void logged.push([message, fields]);
    const world = new RecoveryWorld('archive', 'warehouse');
    const logger: Logger = { debug: warn, info: warn, warn, error: warn };
    world.request = { ports: { clock: world.clock, random: world.random, logger } };
    world.sink('archive').committed(5);
    const closed: string[] = [];
    world.sink('warehouse').on('open', (run) => ({
      ...(run() as object),
      close: () => void closed.push('warehouse'),
    }));
    world.sink('archive').on('open', (run) => ({
      ...(run() as object),
      close: () => Promise.reject(new Error('no')),
    }));

    refusalOf(await world.recover());

    expect(closed).toEqual(['warehouse']);
    expect(logged).toEqual([
      ['a sink could not be closed', { sink: 'archive', outcome: 'failed' }],
    ]);
  });

  test('without two phases is opened and never asked anything', async () => {
    const world = new RecoveryWorld('archive');
    const id = await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    let opened = 0;
    const stdout = {
      durability: 'at-least-once',
      open: () => {
        opened += 1;
        return { write: () => undefined, flush: () => undefined };
      },
    };
    world.sinks.set('stdout', stdout as unknown as ScriptedSink);

    const { base, sinks } = resumedFrom(await world.recover());

    expect(base.manifest.checkpointId).toBe(id);
    expect(opened).toBe(1);
    expect([...sinks.keys()].sort()).toEqual(['archive', 'stdout']);
  });
});

describe('the store fails while recovery acts', () => {
  const failingOnce = (world: RecoveryWorld, error: Error, delay = false): void => {
    let isFirst = true;
    world.wrapStore = (store) =>
      replaced(store, {
        saveManifest: (manifest: CheckpointManifest) => {
          if (!isFirst) return store.saveManifest(manifest);
          isFirst = false;
          return delay ? new Promise(() => undefined) : Promise.reject(error);
        },
      });
  };

  test('an error that may pass is met with a new generation, a final one with a refusal', async () => {
    const world = new RecoveryWorld();
    const id = await world.stored({ epoch: 1 });
    failingOnce(world, new Error('EIO'));
    expect(resumedFrom(await world.recover()).report.rereadings).toBe(1);
    failingOnce(world, new TidegateError('TIDEGATE_STORE_CORRUPT', 'not a directory'));
    expect(refusalOf(await world.recover())).toMatchObject({
      code: 'TIDEGATE_STORE_CORRUPT',
      message: 'not a directory',
    });
    failingOnce(world, new TidegateError('TIDEGATE_SEQUENCE_EXHAUSTED', 'no more ids'));
    const { base, report } = resumedFrom(await world.recover());
    expect([base.manifest.checkpointId, report.rereadings]).toEqual([id, 1]);
  });

  test('what was written and how long it took stands in the refusal when nothing helps', async () => {
    const messageWith = async (save: () => Promise<never>): Promise<string> => {
      const world = new RecoveryWorld();
      const id = await world.stored({ epoch: 1 });
      const failing = (store: OwnedStore): OwnedStore =>
        replaced(store, {
          saveManifest: save,
          takeNextGeneration: async () => failing(await store.takeNextGeneration()),
        });
      world.wrapStore = failing;
      const refusal = refusalOf(await world.recover());
      expect(refusal.code).toBe('TIDEGATE_RECOVERY_UNANSWERED');
      expect(refusal.cause).toMatchObject({ message: expect.stringMatching(/EIO|took longer/) });
      return refusal.message.replaceAll(String(id), 'N');
    };

    expect(await messageWith(() => Promise.reject(new Error('EIO')))).toBe(
      'saving checkpoint N failed: EIO',
    );
    expect(await messageWith(() => new Promise(() => undefined))).toBe(
      'saving checkpoint N failed: saving checkpoint N took longer than 30000 ms',
    );
  });

  test('the last save of a roll forward is distinguished from the first', async () => {
    const world = new RecoveryWorld('archive');
    world.request = { occasion: 'in-process' };
    const id = await world.stored({ epoch: 1, sinks: { archive: 'P' } });
    world.sink('archive').prepare(id);
    world.wrapStore = (store) =>
      replaced(store, {
        updateManifest: () => Promise.reject(new Error('EIO')),
        takeNextGeneration: () => Promise.reject(new Error('EIO')),
      });

    expect(refusalOf(await world.recover()).message).toBe(
      `saving checkpoint ${id} again failed: EIO`,
    );
  });

  test('a generation that somebody else has taken ends the recovery as fenced', async () => {
    const world = new RecoveryWorld();
    await world.stored({ epoch: 1 });
    const fencing = new TidegateError('TIDEGATE_FENCED', 'generation 2 was overtaken');
    world.wrapStore = (store) =>
      replaced(store, {
        saveManifest: () => Promise.reject(new Error('EIO')),
        takeNextGeneration: () => Promise.reject(fencing),
      });

    expect(refusalOf(await world.recover())).toBe(fencing);
  });

  test('an abort while it waits for the next round ends it', async () => {
    const world = new RecoveryWorld();
    await world.stored({ epoch: 1 });
    const abort = new AbortController();
    world.request = { signal: abort.signal };
    world.wrapStore = (store) =>
      replaced(store, {
        saveManifest: () => {
          abort.abort(new Error('stop was called'));
          return Promise.reject(new Error('EIO'));
        },
      });

    expect(refusalOf(await world.recover())).toMatchObject({
      code: 'TIDEGATE_RECOVERY_ABORTED',
      message: 'recovery was ended: stop was called',
    });
  });
});

test('manifests that recovery writes carry its owner and a fresh attempt', async () => {
  const world = new RecoveryWorld('archive');
  await world.stored({ epoch: 1, sinks: { archive: 'C' } });
  world.sources.set('clicks', new ScriptedSource('clicks', world.log));

  const { base, store, nextEpoch } = resumedFrom(await world.recover());

  expect(base.manifest.tidegate).toMatchObject({
    storeId: store.storeId,
    pipeline: 'orders',
    generation: store.generation,
  });
  expect(base.manifest).toMatchObject({
    epoch: 2,
    timestampMs: world.clock.now(),
    sinkCommitStatuses: new Map([['archive', { kind: 'committed' }]]),
  });
  expect(nextEpoch).toBe(3);
});
