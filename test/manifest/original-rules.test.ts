// The original's rules as the tests apply them: against its own vectors and the stores that it wrote.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { originalFindings } from '../support/original-rules.js';

interface Vector {
  readonly name: string;
  readonly bytes_b64: string;
  readonly verdict: string;
  readonly validate256?: readonly string[];
  readonly canonical?: string;
}

const vectors = JSON.parse(
  readFileSync(new URL('../golden/rust/manifests.json', import.meta.url), 'utf8'),
) as readonly Vector[];

test.each(vectors.filter(({ verdict, canonical }) => verdict === 'accept' && canonical))(
  '$name is found as the original validates it',
  ({ canonical, validate256 = [] }) => {
    const found = originalFindings(canonical!, 'unseen').filter(
      (finding) => !finding.startsWith('state_checksum'),
    );
    const expected = validate256.filter((message) => !message.startsWith('vnode_count mismatch'));
    expect([...found].sort()).toEqual([...expected].sort());
  },
);

const golden = fileURLToPath(new URL('../golden/laminar-stores/', import.meta.url));

describe('stores of 0.23', () => {
  const readable = (folder: string, id: number): readonly string[] => {
    const path = join(golden, folder, 'checkpoints', `checkpoint_00000${id}`);
    const hasSidecar = readdirSync(path).includes('state.bin');
    const sidecar = hasSidecar ? readFileSync(join(path, 'state.bin')) : undefined;
    return originalFindings(readFileSync(join(path, 'manifest.json'), 'utf8'), sidecar);
  };

  test.each([
    ['11-statuses', 3],
    ['29-stale-sidecar-inline', 2],
    ['36-no-state-op', 1],
    ['52-pending-below', 3],
  ])('%s %i is valid', (folder, id) => {
    expect(readable(folder, id)).toEqual([]);
  });

  test('what 0.22 wrote with both kinds of state does not hold', () => {
    expect(readable('45-v22-mixed', 2)[0]).toMatch(/^state_checksum .* does not hold$/);
  });

  test('a range past the end is found, and so is an epoch of 0', () => {
    expect(readable('39-beyond', 1)).toEqual(["operator 'a' ends past the sidecar"]);
    expect(readable('18-id-zero', 1)).toEqual(['epoch is 0']);
  });
});
