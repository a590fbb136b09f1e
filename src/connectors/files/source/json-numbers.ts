// Numbers of JSON text that a JavaScript number cannot hold: read exactly, or named, never another number.

import { parse } from 'lossless-json';
import { kindOf } from '../../../given.js';
import { custom } from '../../../options.js';
import { RecordProblem } from './record-format.js';

/**
 * What becomes of the numbers in JSON.
 *
 * `exact`: a number that cannot be held makes a bad record: an integer beyond 2^53-1, a decimal with
 * more digits than a number keeps, 1e400, 1e-400. `bigint`: as `exact`, but an integer beyond 2^53-1
 * is a BigInt. `nearest`: the nearest number, as `JSON.parse` has it; beyond the largest one it is
 * still a bad record. A function makes a value of the text of each number, such as a decimal of a
 * library.
 */
export type JsonNumbers = 'exact' | 'bigint' | 'nearest' | ((text: string) => unknown);

/** The option of whatever reads JSON. */
export const jsonNumbers = custom(numbersProblem, 'exact' as const);

function numbersProblem(numbers: unknown): string | undefined {
  if (typeof numbers === 'function') return undefined;
  if (['exact', 'bigint', 'nearest'].includes(numbers as string)) return undefined;
  const given = typeof numbers === 'string' ? JSON.stringify(numbers) : kindOf(numbers);
  return `is ${given}, not "exact", "bigint", "nearest" or a function`;
}

/** Longest run of digits and points that a number keeps in any case; exponents of three or more may not. */
const safeDigits = 15;
const longExponent = /\d[eE][-+]?\d{3}/;
/** The texts and numbers of valid JSON: a number is what does not begin with a quote. */
const textsAndNumbers = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

/** Whether any number in the text may be hard to hold; may be true of digits inside of texts too. */
export function mayChange(text: string): boolean {
  // A run that is too long covers one of the places that are looked at: far faster than each place.
  for (let place = safeDigits; place < text.length; place += safeDigits + 1) {
    if (isDigitOrPoint(text, place) && runAround(text, place) > safeDigits) return true;
  }
  return longExponent.test(text);
}

function isDigitOrPoint(text: string, place: number): boolean {
  const code = text.charCodeAt(place);
  return (code >= 0x30 && code <= 0x39) || code === 0x2e;
}

function runAround(text: string, place: number): number {
  let begin = place;
  while (isDigitOrPoint(text, begin - 1)) begin -= 1;
  let end = place + 1;
  while (isDigitOrPoint(text, end)) end += 1;
  return end - begin;
}

/** @throws RecordProblem for what is no JSON, or has a number that cannot be held. */
export function parseJson(line: string, numbers: JsonNumbers): unknown {
  const value = parsePlain(line);
  if (typeof numbers === 'function') return parseEach(line, numbers);
  if (!mayChange(line)) return value;
  let hasBigInt = false;
  for (const { 0: token, index } of line.matchAll(textsAndNumbers)) {
    if (token.startsWith('"')) continue;
    const loss = lossOf(token);
    if (loss === undefined || (numbers === 'nearest' && loss !== 'size')) continue;
    if (loss !== 'integer' || numbers !== 'bigint') throw cannotHold(loss, index);
    hasBigInt = true;
  }
  return hasBigInt ? parseEach(line, toNumberOrBigInt) : value;
}

type NumberLoss = 'integer' | 'digits' | 'size';

const lossTexts = {
  integer: 'an integer beyond 2^53-1, which numbers: "bigint" would read exactly',
  digits: 'a decimal with more digits than a number keeps',
  size: 'a number that is too large or too small to be held',
} as const;

function cannotHold(loss: NumberLoss, index: number): RecordProblem {
  return new RecordProblem('number', `${lossTexts[loss]}, at position ${index}`);
}

/**
 * By the rule that the number, written with as many digits, has the same ones, or that they are those
 * which JavaScript writes: half-way between two texts its two ways of writing choose differently.
 */
function lossOf(text: string): NumberLoss | undefined {
  const value = Number(text);
  if (/^-?\d+$/.test(text)) return integerLoss(value);
  const digits = significantDigits(text);
  if (!Number.isFinite(value) || (value === 0 && digits !== '')) return 'size';
  if (digits.length <= safeDigits) return undefined;
  if (significantDigits(String(value)) === digits) return undefined;
  const isKept =
    digits.length <= 100 && significantDigits(value.toPrecision(digits.length)) === digits;
  return isKept ? undefined : 'digits';
}

function integerLoss(value: number): NumberLoss | undefined {
  if (Number.isSafeInteger(value)) return undefined;
  return Number.isFinite(value) ? 'integer' : 'size';
}

function significantDigits(text: string): string {
  const [mantissa = ''] = text.split(/e/i);
  return mantissa.replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '');
}

function toNumberOrBigInt(text: string): number | bigint {
  return lossOf(text) === 'integer' ? BigInt(text) : Number(text);
}

/** @throws RecordProblem. Numbers are the nearest ones. */
export function parsePlain(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    // The engine's message quotes the line, which may be a secret: only its place is kept.
    const place = /at position \d+/.exec(String(error))?.[0];
    throw new RecordProblem('not JSON', `not JSON${place === undefined ? '' : ` ${place}`}`);
  }
}

/** Of a name that comes twice the last counts, as in `JSON.parse`. */
function parseEach(line: string, parseNumber: (text: string) => unknown): unknown {
  try {
    return parse(line, undefined, { parseNumber, onDuplicateKey: ({ newValue }) => newValue });
  } catch (error) {
    // Its parser calls itself for each level, that of the engine does not.
    if (error instanceof RangeError && error.message.includes('call stack')) {
      throw new RecordProblem('not JSON', 'JSON that is nested too deep');
    }
    throw error;
  }
}
