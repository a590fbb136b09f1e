// Recovery asks for a human only after something was lost that no protocol can bring back.

import type { Checker } from './observation.js';

export const refusalJustified: Checker = ({ ending, disaster }) => {
  if (ending === 'completed' || disaster) return [];
  return [{ rule: 'a crash needs no human', seen: 'recovery refused although nothing was lost' }];
};
