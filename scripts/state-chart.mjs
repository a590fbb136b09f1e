// The machines as a document: a chart of each, and a sentence for every state.

/** @returns {string} Markdown with Mermaid charts. */
export function stateCharts({ attempt, life }) {
  return [
    '# The state machines',
    '',
    'Drawn from the machines in `src/coordinator/machine` by `node scripts/state-charts.mjs`; a test',
    'fails when it is not current. Both machines are pure: they name what happens next and do nothing.',
    '',
    '## An attempt to take a checkpoint',
    '',
    ...section(attempt),
    '## The life of a coordinator',
    '',
    ...section(life),
  ].join('\n');
}

function section(machine) {
  const states = Object.values(machine.states);
  const lines = ['```mermaid', 'stateDiagram-v2', `  [*] --> ${machine.config.initial}`];
  for (const state of states) lines.push(...edges(machine, state));
  lines.push('```', '', '| state | what it means |', '| --- | --- |');
  for (const state of states) lines.push(`| \`${state.key}\` | ${state.description} |`);
  return [...lines, ''];
}

function edges(machine, state) {
  if (state.type === 'final') return [`  ${state.key} --> [*]`];
  const found = new Map();
  const own = [...state.transitions.values()].flat();
  const everywhere = [...machine.root.transitions.values()].flat();
  for (const transition of [...own, ...everywhere]) {
    const target = transition.target?.[0]?.key ?? state.key;
    const words = found.get(target) ?? new Set();
    words.add(wordsFor(transition.eventType));
    found.set(target, words);
  }
  return [...found].map(
    ([target, words]) => `  ${state.key} --> ${target}: ${[...words].join(', ')}`,
  );
}

/** XState's names of events in plain words. */
function wordsFor(eventType) {
  if (eventType.startsWith('xstate.done.')) return 'done';
  if (eventType.startsWith('xstate.error.')) return 'error';
  const after = /^xstate\.after\.(\w+)\./.exec(eventType);
  return after ? `after ${after[1]}` : eventType;
}
