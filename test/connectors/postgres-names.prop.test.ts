// Durable names: short enough, never shared by two sinks, and read back as they were made.

import { inspect } from 'node:util';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  applicationNameOf,
  checkpointIdOfGid,
  gidOf,
  gidPrefix,
  lockKeyOf,
  openLockKeyOf,
  quoteIdentifier,
  quoteLiteral,
  requireOwnGid,
  type PostgresOwner,
  type SinkIdentity,
} from '../../src/connectors/postgres/names.js';
import { toTrouble } from '../../src/connectors/postgres/trouble.js';
import { checkpointId, generation, storeId } from '../../src/ids.js';

const seed = 20_261;
const name = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }),
  fc.constantFrom('a/b', 'a', 'b/c', '~', 'ä', "it's", '%2F', '/'),
  fc.integer({ min: 100, max: 260 }).map((length) => 'x'.repeat(length)),
);
const schema = fc.oneof(fc.constantFrom('tidegate', 'a', 'tidegate:a', 'ä'), name);
const identity = fc.record({ schema, pipeline: name, sink: name });

test('a name fits into 199 bytes of plain ASCII and gives its checkpoint id back', () => {
  fc.assert(
    fc.property(identity, fc.integer({ min: 1, max: 2 ** 53 - 1 }), (owner, number) => {
      const gid = gidOf(ownerOf(owner), checkpointId(number));
      expect(Buffer.byteLength(gid)).toBeLessThanOrEqual(199);
      expect(gid).toMatch(/^[ -~]+$/);
      expect(checkpointIdOfGid(owner, gid)).toBe(number);
    }),
    { seed },
  );
});

test('two sinks never share a name, a lock or a session name, nor read each other’s', () => {
  fc.assert(
    fc.property(identity, identity, (one, other) => {
      fc.pre(JSON.stringify(one) !== JSON.stringify(other));
      const [left, right] = [ownerOf(one), ownerOf(other)];
      const id = checkpointId(7);
      expect(gidOf(left, id)).not.toBe(gidOf(right, id));
      expect(checkpointIdOfGid(other, gidOf(left, id))).toBeUndefined();
      expect(gidOf(left, id).startsWith(gidPrefix(right))).toBe(false);
      expect(lockKeyOf(left)).not.toBe(lockKeyOf(right));
      expect(openLockKeyOf(left) === openLockKeyOf(right)).toBe(
        one.pipeline === other.pipeline && one.schema === other.schema,
      );
      expect(applicationNameOf(left)).not.toBe(applicationNameOf(right));
    }),
    { seed },
  );
});

test('a sink in two schemas is two sinks, and the default one keeps the names that it always had', () => {
  const own = ownerOf({ schema: 'tidegate', pipeline: 'p', sink: 'out' });
  expect(gidOf(own, checkpointId(7))).toBe('p/out/1/7');
  expect(lockKeyOf(own)).toBe('-1658443261669151707');
  expect(openLockKeyOf(own)).toBe('2630530325160365514');
  expect(applicationNameOf(own)).toBe('tidegate:e8fc06a3ec11ec25:1');
  const other = { ...own, schema: 'Other: ä' };
  expect(gidOf(other, checkpointId(7))).toBe('Other%3A%20%C3%A4:p/out/1/7');
  expect(lockKeyOf(other)).not.toBe(lockKeyOf(own));
  expect(openLockKeyOf(other)).not.toBe(openLockKeyOf(own));
  expect(applicationNameOf(other)).not.toBe(applicationNameOf(own));
});

test('a session name fits into 63 bytes and a lock key into a signed 64-bit number', () => {
  const owner = ownerOf({
    schema: 'ß'.repeat(63),
    pipeline: 'x'.repeat(200),
    sink: 'y'.repeat(200),
  });
  expect(applicationNameOf(owner).length).toBeLessThanOrEqual(63);
  expect(BigInt.asIntN(64, BigInt(lockKeyOf(owner))).toString()).toBe(lockKeyOf(owner));
});

test.each([
  '',
  'other/out/1/7',
  'p/out/1/',
  'p/out/1/0',
  'p/out/1/7/8',
  'p/out/1/7x',
  'p/out/01/7',
])('the handle %j is refused', (handle) => {
  const own = { schema: 'tidegate', pipeline: 'p', sink: 'out' };
  expect(() => requireOwnGid(own, handle)).toThrow(/is no handle of sink out/);
});

test('identifiers and texts are quoted whatever is in them', () => {
  expect(quoteIdentifier('a"b; DROP TABLE x')).toBe('"a""b; DROP TABLE x"');
  expect(quoteLiteral("it's")).toBe("'it''s'");
  expect(() => quoteIdentifier('')).toThrow('no name');
  expect(() => quoteIdentifier('a\0')).toThrow('no name');
});

test.each([
  [
    '55000',
    'prepared transaction with identifier "x" is busy',
    'TIDEGATE_POSTGRES_BUSY',
    'retryable',
  ],
  ['55000', 'prepared transactions are disabled', 'TIDEGATE_POSTGRES_PREPARED_OFF', 'invalid'],
  ['57P01', 'terminating connection', 'TIDEGATE_POSTGRES_UNREACHABLE', 'retryable'],
  ['53300', 'too many clients', 'TIDEGATE_POSTGRES_UNREACHABLE', 'retryable'],
  ['28P01', 'password authentication failed', 'TIDEGATE_POSTGRES_LOGIN', 'invalid'],
  ['XX000', 'something else', 'TIDEGATE_POSTGRES_FAILED', 'retryable'],
])('SQLSTATE %s (%s) becomes %s, which is %s', (code, message, expected, kind) => {
  const trouble = toTrouble(Object.assign(new Error(message), { code }), 'committing sink out');
  expect(trouble).toMatchObject({ code: expected, kind });
});

test.each([
  ['22P02', 'ungültige Eingabesyntax für Typ integer: »geheim«', {}, /does not fit its column/],
  ['22003', 'Wert »geheim« ist außerhalb des gültigen Bereichs', {}, /does not fit its column/],
  [
    '22P02',
    'Eingabe: »geheim«',
    { where: 'COPY ziel, Zeile 1, Spalte id: »a, column geheim: b«' },
    /does not fit its column/,
  ],
  [
    '22P02',
    'invalid input syntax: "geheim"',
    { where: 'COPY target, line 1, column id: "geheim"' },
    /does not fit column id/,
  ],
  [
    '23505',
    'Schlüssel »(id)=(geheim)« existiert bereits',
    { constraint: 'target_pkey', table: 'target', detail: 'geheim' },
    /breaks constraint target_pkey of table target, which keeps a key unique \(SQLSTATE 23505\)/,
  ],
  ['23502', 'NULL: geheim', { column: 'id' }, /breaks column id, which takes no NULL/],
  ['23999', 'geheim', {}, /breaks a constraint \(SQLSTATE 23999\)/],
  ['P0001', 'the order geheim is closed', {}, /a trigger or function refused .*SQLSTATE P0001/],
  ['45000', 'the order geheim is closed', {}, /a trigger or function refused .*SQLSTATE 45000/],
])('the message of a server with SQLSTATE %s quotes no value: %s', (code, message, more, text) => {
  const error = Object.assign(new Error(message), { code, ...more });
  const trouble = toTrouble(error, 'writing to sink out');
  expect(trouble.message).toMatch(text);
  expect(inspect(trouble, { depth: 10 })).not.toContain('geheim');
});

test('a password in an address is hidden in message and cause', () => {
  const error = Object.assign(new Error('cannot parse postgres://ann:hush@host/db'), {
    input: 'postgres://ann:hush@host/db',
    detail: 'Key (password)=(hush) already exists.',
  });
  const trouble = toTrouble(error, 'opening sink out');
  expect(JSON.stringify([trouble, trouble.message, trouble.cause])).not.toContain('hush');
  expect((trouble.cause as Error).message).not.toContain('hush');
  expect(trouble.cause).not.toHaveProperty('input');
});

function ownerOf(one: SinkIdentity): PostgresOwner {
  return { ...one, storeId: storeId('s'), generation: generation(1) };
}
