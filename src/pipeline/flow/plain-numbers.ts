// Arrays of plain numbers, for what is kept of every record.

/** As many as a source hands on at a time. */
const blankLength = 1_024;

/** Begun with a fraction and grown by pushes: the engine keeps such an array without boxes and without holes. */
const blank: number[] = [];
while (blank.length < blankLength) blank.push(0.5);

/**
 * An array to be filled. One from `new Array(length)` stays an array with holes for V8, and every
 * number read from it is put into a box: that cost as much as the rest of a window's work.
 */
export function plainNumbers(length: number): number[] {
  const numbers = blank.slice(0, length);
  while (numbers.length < length) numbers.push(0.5);
  return numbers;
}
