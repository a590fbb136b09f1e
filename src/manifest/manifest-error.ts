// The error of a manifest that cannot be read or must not be written: what, where, and what was meant.

import { TidegateError, type ErrorCode } from '../errors.js';

/** Why a manifest is refused. */
export type ManifestErrorCode = Extract<ErrorCode, `TIDEGATE_MANIFEST_${string}`>;

/** A place in the document that was being parsed. */
export interface ManifestPosition {
  /** From 1. Lines end with a line feed. */
  readonly line: number;
  /** From 1, in bytes of UTF-8. */
  readonly column: number;
}

/** One thing that is wrong in a manifest, and where. */
export interface ManifestProblem {
  /** Path of the field as the JSON names it, such as `source_offsets["orders"].epoch`. */
  readonly path: string;
  /** What stands there, shortened. */
  readonly found: string;
  readonly expected: string;
  /** Absent when a manifest was to be written and there is no text yet. */
  readonly position?: ManifestPosition;
}

/**
 * Thrown by parsing, and by serializing what parsing would refuse. `code` says what is wrong; the
 * message names place, field, what was found and what was expected.
 */
export class ManifestError extends TidegateError {
  override readonly name = 'ManifestError';
  declare readonly code: ManifestErrorCode;
  readonly path: string;
  readonly found: string;
  readonly expected: string;
  readonly line: number | undefined;
  readonly column: number | undefined;

  constructor(code: ManifestErrorCode, problem: ManifestProblem) {
    super(code, describe(problem), { details: { ...problem } });
    this.path = problem.path;
    this.found = problem.found;
    this.expected = problem.expected;
    this.line = problem.position?.line;
    this.column = problem.position?.column;
  }
}

function describe({ path, found, expected, position }: ManifestProblem): string {
  const place = position ? `, line ${position.line}, column ${position.column}` : '';
  const field = path === '' ? '' : `, at ${path}`;
  return `manifest${place}${field}: expected ${expected}, found ${found}`;
}

/** Deeper paths only say how deep they go. */
const maxPathLength = 12;

const plainName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The JSON path of nested names and indexes, readable for any name. */
export function formatPath(segments: readonly (string | number)[]): string {
  if (segments.length > maxPathLength) {
    return `${formatPath(segments.slice(0, maxPathLength))}… (${segments.length} levels)`;
  }
  let path = '';
  for (const segment of segments) {
    if (typeof segment === 'number') path += `[${segment}]`;
    else if (!plainName.test(segment)) path += `[${excerpt(JSON.stringify(segment))}]`;
    else path += path === '' ? segment : `.${segment}`;
  }
  return path;
}

const excerptLength = 60;

/** A value for a message: never so long that it hides the rest. */
export function excerpt(text: string): string {
  if (text.length <= excerptLength) return text;
  return `${text.slice(0, excerptLength).toWellFormed()}… (${text.length} characters)`;
}
