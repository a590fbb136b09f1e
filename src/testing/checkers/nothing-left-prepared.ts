// When the input has come to its end no sink holds on to anything that will never be committed.

import type { Checker } from './observation.js';

export const nothingLeftPrepared: Checker = ({ ending, sinks }) => {
  if (ending !== 'completed') return [];
  return sinks
    .filter((sink) => sink.preparedCount > 0)
    .map((sink) => ({
      rule: 'nothing is left prepared',
      seen: `sink "${sink.name}" still holds ${sink.preparedCount} prepared epochs`,
    }));
};
