// Numbers in the names of files, padded so that names sort as numbers do.

export function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}

/** The number in the pattern's first group; undefined for a name that we did not give. */
export function numberIn(pattern: RegExp, name: string): number | undefined {
  const value = Number(pattern.exec(name)?.[1]);
  return Number.isSafeInteger(value) && value >= 1 ? value : undefined;
}
