// Whether JSON gives a value back as it was: Infinity would come back as null, a Map as {}.

/** Where in the value JSON would lose something; undefined when it would not. */
export function jsonLoss(value: unknown, path = ''): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : `${path || 'it'} is ${value}`;
    case 'object':
      break;
    default:
      return `${path || 'it'} is a ${typeof value}`;
  }
  if (value === null) return undefined;
  if (Array.isArray(value)) return lossInArray(value, path);
  if (!isPlain(value)) return `${path || 'it'} is an instance of ${nameOf(value)}`;
  for (const name in value) {
    const member = (value as Record<string, unknown>)[name];
    // A member that is undefined reads the same when it is absent.
    const loss = member === undefined ? undefined : jsonLoss(member, `${path}.${name}`);
    if (loss !== undefined) return loss;
  }
  return undefined;
}

function lossInArray(values: readonly unknown[], path: string): string | undefined {
  for (let index = 0; index < values.length; index++) {
    const loss = jsonLoss(values[index], `${path}[${index}]`);
    if (loss !== undefined) return loss;
  }
  return undefined;
}

/** By the root of the chain, not by its identity: an object may come from another realm. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function nameOf(value: object): string {
  const { constructor } = value as { readonly constructor?: { readonly name?: string } };
  return constructor?.name ?? 'a class';
}
