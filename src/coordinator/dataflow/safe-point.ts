// What a safe point answers.

import type { Sink } from '../../contracts/sink.js';
import type { Named, WritersOf } from '../options/coordinator-options.js';

/**
 * The answer of a safe point. After `rewound` the sources are back at the last checkpoint: drop what
 * was read before.
 */
export interface SafePoint<Sinks extends Named<Sink> = Named<Sink>> {
  readonly kind: 'continue' | 'rewound';
  /** Writers of the generation that is at work now. */
  readonly sinks: WritersOf<Sinks>;
}
