// Codecs of the manifest's integers: exact, and refused by name outside their ranges.

import { excerpt, type ManifestErrorCode } from '../manifest-error.js';
import type { Codec } from './codec.js';

interface IntegerRange {
  readonly least: bigint;
  readonly most: bigint;
  /** Largest value that the JavaScript type keeps exactly. */
  readonly exact: bigint;
  readonly expected: string;
}

function range(name: string, least: bigint, most: bigint, exact = most): IntegerRange {
  return { least, most, exact, expected: `an integer from ${least} to ${most} (${name})` };
}

/** A u64 on disk and a `number` here: refused above 2^53-1, never rounded. */
const counterRange = range('u64', 0n, 2n ** 64n - 1n, BigInt(Number.MAX_SAFE_INTEGER));

export const counter: Codec<number> = numberCodec(counterRange);
export const u16: Codec<number> = numberCodec(range('u16', 0n, 2n ** 16n - 1n));
export const u32: Codec<number> = numberCodec(range('u32', 0n, 2n ** 32n - 1n));
export const u64: Codec<bigint> = bigintCodec(range('u64', 0n, 2n ** 64n - 1n));
export const i64: Codec<bigint> = bigintCodec(range('i64', -(2n ** 63n), 2n ** 63n - 1n));

type Refuse = (code: ManifestErrorCode, expected: string) => never;

function numberCodec(within: IntegerRange): Codec<number> {
  const most = Number(within.exact);
  return {
    read(reader) {
      const start = reader.mark();
      const text = reader.readNumberText(within.expected);
      // Short texts need no BigInt; nearly all are short.
      if (text.length <= shortInteger && plainInteger.test(text)) {
        const value = Number(text);
        if (value <= most) return value;
      }
      const refuse: Refuse = (code, expected) => reader.fail(code, start, excerpt(text), expected);
      return Number(checkText(text, within, refuse));
    },
    write(value, context) {
      if (!Number.isInteger(value)) {
        context.refuse('TIDEGATE_MANIFEST_TYPE', value, within.expected);
      }
      if (value >= 0 && value <= most) return { numberText: String(value) };
      const refuse: Refuse = (code, expected) => context.refuse(code, value, expected);
      return { numberText: checkRange(BigInt(value), within, refuse).toString() };
    },
  };
}

function bigintCodec(within: IntegerRange): Codec<bigint> {
  return {
    read(reader) {
      const start = reader.mark();
      const text = reader.readNumberText(within.expected);
      return checkText(text, within, (code, expected) =>
        reader.fail(code, start, excerpt(text), expected),
      );
    },
    write(value, context) {
      const refuse: Refuse = (code, expected) => context.refuse(code, value, expected);
      if (typeof value !== 'bigint') refuse('TIDEGATE_MANIFEST_TYPE', within.expected);
      return { numberText: checkRange(value, within, refuse).toString() };
    },
  };
}

/** Digits without a sign: the only spelling of an integer from 0. */
const plainInteger = /^(?:0|[1-9][0-9]*)$/;
/** Fewer digits than 2^53 has: exact as a number. */
const shortInteger = 15;

const integerText = /^-?(?:0|[1-9][0-9]*)$/;
/** Longer than any 64-bit number: refused before a BigInt is made of it. */
const maxIntegerLength = 20;

/** `1.0`, `1e3` and `-0` are no integers, as in the Rust original. */
function checkText(text: string, within: IntegerRange, refuse: Refuse): bigint {
  if (!integerText.test(text) || text === '-0') refuse('TIDEGATE_MANIFEST_TYPE', within.expected);
  if (text.length > maxIntegerLength) refuse('TIDEGATE_MANIFEST_RANGE', within.expected);
  return checkRange(BigInt(text), within, refuse);
}

function checkRange(value: bigint, within: IntegerRange, refuse: Refuse): bigint {
  if (value < within.least || value > within.most) {
    refuse('TIDEGATE_MANIFEST_RANGE', within.expected);
  }
  if (value > within.exact) {
    refuse('TIDEGATE_MANIFEST_COUNTER_TOO_LARGE', `at most ${within.exact} (2^53-1)`);
  }
  return value;
}
