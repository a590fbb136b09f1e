// PostgreSQL's text of an array, both ways.

export type ArrayElements = readonly (string | null | ArrayElements)[];

/**
 * The elements of an array's text; undefined where it says more than elements (`[0:1]={…}`): a
 * JavaScript array has no lower bound.
 */
export function parseArray(text: string, delimiter: string): ArrayElements | undefined {
  if (!text.startsWith('{')) return undefined;
  const reader = { text, index: 0, delimiter };
  const elements = readElements(reader);
  return reader.index === text.length ? elements : undefined;
}

/** Elements are quoted whatever they are, so that a text `NULL` is no NULL. */
export function printArray(elements: ArrayElements, delimiter: string): string {
  const parts = elements.map((element) => {
    if (element === null) return 'NULL';
    if (typeof element !== 'string') return printArray(element, delimiter);
    return `"${element.replace(/[\\"]/g, '\\$&')}"`;
  });
  return `{${parts.join(delimiter)}}`;
}

interface ArrayReader {
  readonly text: string;
  readonly delimiter: string;
  index: number;
}

function readElements(reader: ArrayReader): ArrayElements {
  const elements: (string | null | ArrayElements)[] = [];
  reader.index += 1;
  while (reader.index < reader.text.length) {
    const character = reader.text[reader.index];
    if (character === '}') {
      reader.index += 1;
      break;
    }
    if (character === reader.delimiter) reader.index += 1;
    else if (character === '{') elements.push(readElements(reader));
    else if (character === '"') elements.push(readQuoted(reader));
    else elements.push(readPlain(reader));
  }
  return elements;
}

function readQuoted(reader: ArrayReader): string {
  let element = '';
  for (reader.index += 1; reader.index < reader.text.length; reader.index += 1) {
    let character = reader.text[reader.index] ?? '';
    if (character === '"') break;
    if (character === '\\') {
      reader.index += 1;
      character = reader.text[reader.index] ?? '';
    }
    element += character;
  }
  reader.index += 1;
  return element;
}

function readPlain(reader: ArrayReader): string | null {
  const start = reader.index;
  const { text, delimiter } = reader;
  while (reader.index < text.length && text[reader.index] !== delimiter) {
    if (text[reader.index] === '}') break;
    reader.index += 1;
  }
  const element = text.slice(start, reader.index);
  return element === 'NULL' ? null : element;
}
