// Errors of a fetch without what is secret: the path and query of the address, and the headers.

const maxCauses = 8;

/** What must stand in no error: longest first, so that no part of it is left over. */
export function secretsOf(
  target: URL,
  headers: Readonly<Record<string, string>>,
): readonly string[] {
  const { href, pathname, search, hash } = target;
  const parts = pathname.split('/');
  const texts = [href, `${pathname}${search}`, pathname, search, hash, search.slice(1), ...parts];
  for (const [, value] of target.searchParams) texts.push(value);
  texts.push(...Object.values(headers).flatMap((value) => [value, ...value.split(' ')]));
  const all = texts.flatMap((text) => [text, decoded(text)]);
  // What is short is no secret, and stands in any text.
  return [...new Set(all)]
    .filter((text) => text.length >= 4 && !harmless.includes(text))
    .sort((left, right) => right.length - left.length);
}

const harmless = ['application/json', 'Bearer', 'Basic'];

/**
 * A copy of an error and its causes in which the secrets are dots. Only name, message and code are
 * taken over: other members, and the stack, may quote the request.
 */
export function redacted(error: unknown, secrets: readonly string[], depth = 0): Error | undefined {
  if (error === undefined || depth >= maxCauses) return undefined;
  const { name, message, code, cause, errors } = membersOf(error);
  const hide = (text: string): string =>
    secrets.reduce((all, one) => all.replaceAll(one, '…'), text);
  const inner = redacted(cause ?? firstOf(errors), secrets, depth + 1);
  const copy = new Error(hide(message), inner === undefined ? undefined : { cause: inner });
  copy.name = hide(name);
  copy.stack = `${copy.name}: ${copy.message}`;
  return typeof code === 'string' ? Object.assign(copy, { code: hide(code) }) : copy;
}

interface Members {
  readonly name: string;
  readonly message: string;
  readonly code: unknown;
  readonly cause: unknown;
  readonly errors: unknown;
}

function membersOf(error: unknown): Members {
  if (typeof error !== 'object' || error === null) {
    return { name: 'Error', message: String(error), code: undefined, cause: undefined, errors: [] };
  }
  const { name, message, code, cause, errors } = error as Partial<Members>;
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: typeof message === 'string' ? message : '',
    code,
    cause,
    errors,
  };
}

/** Of an `AggregateError`: one for each address of a host. */
function firstOf(errors: unknown): unknown {
  return Array.isArray(errors) ? (errors as unknown[])[0] : undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
