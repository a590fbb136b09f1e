// Colour, status lines and vanished readers, on streams that pretend to be terminals.

import { describe, expect, test } from '@jest/globals';
import { printable } from '../../src/cli/printable.js';
import { bar, Progress } from '../../src/cli/progress.js';
import { toned } from '../../src/cli/table.js';
import { Terminal, type OutputStream } from '../../src/cli/terminal.js';
import { formatAge, formatBytes } from '../../src/cli/units.js';

class FakeStream implements OutputStream {
  text = '';
  #fail: ((error: Error) => void) | undefined;

  constructor(
    readonly isTTY: boolean,
    readonly columns = 60,
  ) {}

  write(data: string | Uint8Array, done?: (error?: Error | null) => void): boolean {
    this.text += Buffer.from(data).toString();
    done?.();
    return true;
  }

  on(_event: 'error', listener: (error: Error) => void): void {
    this.#fail = listener;
  }

  breakWith(code: string): void {
    this.#fail?.(Object.assign(new Error(code), { code }));
  }
}

function terminalOn(
  { isTTY = true }: { isTTY?: boolean },
  environment: Readonly<Record<string, string>> = {},
): { terminal: Terminal; stdout: FakeStream; stderr: FakeStream } {
  const [stdout, stderr] = [new FakeStream(isTTY), new FakeStream(isTTY)];
  return { terminal: new Terminal({ stdout, stderr, environment }), stdout, stderr };
}

describe('colour', () => {
  test('is written to a terminal', () => {
    const { terminal, stdout } = terminalOn({});
    terminal.print(['state: ', toned('bad', 'corrupt')]);
    expect(stdout.text).toBe('state: \u001b[31mcorrupt\u001b[0m\n');
  });

  test.each([
    ['elsewhere', { isTTY: false }, {}],
    ['under NO_COLOR', {}, { NO_COLOR: '1' }],
    ['on a dumb terminal', {}, { TERM: 'dumb' }],
  ])('is not written %s', (_where, stream, environment) => {
    const { terminal, stdout } = terminalOn(stream, environment);
    terminal.print([toned('bad', 'corrupt')]);
    expect(stdout.text).toBe('corrupt\n');
  });

  test('an empty NO_COLOR counts as not set', () => {
    const { terminal, stdout } = terminalOn({}, { NO_COLOR: '' });
    terminal.print([toned('good', 'fine')]);
    expect(stdout.text).toContain('\u001b[32m');
  });
});

describe('a status line', () => {
  test('is drawn over itself, kept to the width, and wiped away', () => {
    const { terminal, stderr, stdout } = terminalOn({});
    terminal.showStatus('x'.repeat(200));
    terminal.clearStatus();
    expect(stderr.text).toBe(`\r${'x'.repeat(59)}\u001b[K\r\u001b[K`);
    expect(stdout.text).toBe('');
  });

  test('is not drawn where nobody looks', () => {
    const { terminal, stderr } = terminalOn({ isTTY: false });
    terminal.showStatus('x');
    terminal.clearStatus();
    expect(stderr.text).toBe('');
  });

  test('is redrawn at most ten times a second', () => {
    const { terminal, stderr } = terminalOn({});
    let nowMs = 0;
    const clock = {
      now: () => nowMs,
      monotonicMs: () => nowMs,
      setTimer: () => ({ cancel: () => undefined }),
    };
    const progress = new Progress(terminal, clock);
    for (; nowMs < 1_000; nowMs += 1) progress.show({ done: nowMs, total: 1_000, label: 'ms' });
    expect(stderr.text.split('\r')).toHaveLength(11);
  });

  test.each([
    [0, 10, '[····················]   0 %'],
    [5, 10, '[##########··········]  50 %'],
    [10, 10, '[####################] 100 %'],
    [0, 0, '[####################] 100 %'],
  ])('shows %d of %d', (done, total, text) => {
    expect(bar(done, total)).toBe(text);
  });
});

describe('a reader that goes away', () => {
  test('is no failure, and nothing more is written to it', async () => {
    const { terminal, stdout } = terminalOn({ isTTY: false });
    stdout.breakWith('EPIPE');
    terminal.print('lost');
    expect(await terminal.printBytes(new Uint8Array(3))).toBe(false);
    expect(stdout.text).toBe('');
    expect(await terminal.flush()).toBeUndefined();
  });

  test('any other failure is reported', async () => {
    const { terminal, stdout } = terminalOn({ isTTY: false });
    stdout.breakWith('ENOSPC');
    expect(await terminal.flush()).toMatchObject({ code: 'ENOSPC' });
  });
});

test.each([
  ['plain, äöü 漢字 😀', 'plain, äöü 漢字 😀'],
  ['a\nb\tc\u0000', 'a\\u000ab\\u0009c\\u0000'],
  ['\u001b]0;title\u0007', '\\u001b]0;title\\u0007'],
  ['user\u202egnp.exe', 'user\\u202egnp.exe'],
  ['\u009b31m', '\\u009b31m'],
])('%j is printed as %j', (text, shown) => {
  expect(printable(text)).toBe(shown);
});

test.each([
  [0, '0 B'],
  [1_023, '1023 B'],
  [1_024, '1 KiB'],
  [1_536, '1.5 KiB'],
  [1_048_575, '1 MiB'],
  [64 * 2 ** 20, '64 MiB'],
  [2 ** 40, '1 TiB'],
])('%d bytes are %s', (byteLength, text) => {
  expect(formatBytes(byteLength)).toBe(text);
});

test.each([
  [1_000_000, '0 s'],
  [1_003_000, '0 s'],
  [2_000_000, 'in the future'],
  [941_000, '59 s'],
  [940_000, '1 min'],
  [0, 'unknown'],
])('at 1 000 000 ms, %d ms is %s old', (thenMs, text) => {
  expect(formatAge(thenMs, 1_000_000)).toBe(text);
});
