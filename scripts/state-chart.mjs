// The machines as documents: a picture of each, and a page with a sentence for every state.

import { instance } from '@viz-js/viz';

/** @returns {Promise<Record<string, string>>} The files under docs/, by path. */
export async function stateCharts({ attempt, life }) {
  const viz = await instance();
  return {
    'docs/state-machines.md': page({ attempt, life }),
    'docs/pictures/attempt.svg': picture(viz, attempt, 'An attempt to take a checkpoint'),
    'docs/pictures/life.svg': picture(viz, life, 'The life of a coordinator'),
  };
}

function page({ attempt, life }) {
  return [
    '# The state machines',
    '',
    'Drawn from the machines in `src/coordinator` by `node scripts/state-charts.mjs`; a test',
    'fails when it is not current. Both machines are pure: they name what happens next and do nothing.',
    '',
    '## An attempt to take a checkpoint',
    '',
    ...section(attempt, 'attempt', 'The states of an attempt, from the barrier to completed'),
    '## The life of a coordinator',
    '',
    ...section(life, 'life', 'The states of a coordinator, from created to stopped or halted'),
  ].join('\n');
}

function section(machine, name, caption) {
  const lines = [`![${caption}](pictures/${name}.svg)`, ''];
  lines.push('| state | what it means |', '| --- | --- |');
  for (const state of innermost(machine)) {
    lines.push(`| \`${state.key}\` | ${state.description} |`);
  }
  return [...lines, ''];
}

/** The states in which something happens: those that are made of others are only what these share. */
export function innermost(machine) {
  return Object.values(machine.states).flatMap((state) => {
    const inner = Object.values(state.states);
    return inner.length === 0 ? [state] : inner;
  });
}

/** Dark ink on its own light ground, so that it can be read on a page of any colour. */
function picture(viz, machine, title) {
  const svg = viz.renderString(graph(machine), { format: 'svg' });
  // Without the header and the numbers of the layout engine, which say nothing to a reader.
  const [, body] = /(<svg[\s\S]*<\/svg>\n)/.exec(svg.replace(/<!--[\s\S]*?-->\n?/g, '')) ?? [];
  return body
    .replace(/<title>[\s\S]*?<\/title>\n?/g, '')
    .replace(/ id="[^"]*"/g, '')
    .replace(/&#45;/g, '-')
    .replace(/<svg ([^>]*)>/, `<svg $1 role="img">\n<title>${title}</title>`);
}

const endings = {
  completed: { fillcolor: '#d8f0dc', color: '#1b6e2d' },
  stopped: { fillcolor: '#d8f0dc', color: '#1b6e2d' },
  abandoned: { fillcolor: '#fdf0cc', color: '#8a6100' },
  failed: { fillcolor: '#fbdcd9', color: '#a3231a' },
  halted: { fillcolor: '#fbdcd9', color: '#a3231a' },
};

function graph(machine) {
  const states = innermost(machine);
  return {
    graphAttributes: { rankdir: 'TB', bgcolor: '#ffffff', pad: 0.3, nodesep: 0.5, ranksep: 0.5 },
    nodeAttributes: {
      ...{ fontname: 'Helvetica,Arial,sans-serif', fontsize: 13, fontcolor: '#1a1a1a' },
      ...{ shape: 'box', style: 'rounded,filled', fillcolor: '#e8eef7', color: '#2d4a7a' },
      ...{ margin: '0.22,0.09', penwidth: 1.2 },
    },
    edgeAttributes: {
      ...{ fontname: 'Helvetica,Arial,sans-serif', fontsize: 11.5, fontcolor: '#333333' },
      ...{ color: '#666666', arrowsize: 0.7 },
    },
    nodes: [
      { name: 'begin', attributes: { shape: 'point', width: 0.12, color: '#2d4a7a' } },
      ...states.map(({ key }) => ({ name: key, attributes: endings[key] ?? {} })),
    ],
    edges: [
      { tail: 'begin', head: machine.config.initial },
      ...states.flatMap((state) => edges(machine, state)),
    ],
  };
}

function edges(machine, state) {
  if (state.type === 'final') return [];
  const found = new Map();
  const taken = new Set();
  for (let around = state; around !== undefined; around = around.parent) {
    const own = [...around.transitions].filter(([event]) => !taken.has(event));
    for (const [event] of own) taken.add(event);
    for (const transition of own.flatMap(([, all]) => all)) {
      if (leadsElsewhere(transition, state)) continue;
      add(transition);
    }
  }
  function add(transition) {
    const target = targetOf(transition, state);
    const words = found.get(target) ?? new Set();
    words.add(wordsFor(transition.eventType));
    found.set(target, words);
  }
  return [...found].map(([target, words]) => ({
    tail: state.key,
    head: target,
    attributes: {
      label: { html: onGround([...words]) },
      ...(target in endings ? { color: endings[target].color } : {}),
      // What ends an attempt early stands beside the way, not in it.
      ...(target in endings && words.size > 1 ? { weight: 0 } : {}),
    },
  }));
}

/** A state made of others is entered through its first. */
function targetOf(transition, state) {
  const target = transition.target?.[0];
  if (target === undefined) return state.key;
  return target.config.initial === undefined ? target.key : target.config.initial;
}

/** What holds only in one of the inner states is said by the name of the guard. */
function leadsElsewhere({ guard, source }, state) {
  const inner = guard?.params?.stateValue ?? guard?.stateValue;
  if (inner === undefined) return false;
  return inner[source.key] !== state.key;
}

/** Words on a ground of their own: a line that passes behind them does not strike them out. */
function onGround(words) {
  const rows = words.map((word) => `<TR><TD ALIGN="LEFT">${word}${spare(word)}</TD></TR>`).join('');
  const table = 'BORDER="0" CELLBORDER="0" CELLPADDING="2" CELLSPACING="0" BGCOLOR="#ffffff"';
  return `<TABLE ${table}>${rows}</TABLE>`;
}

/** Room for a machine that has none of the fonts named and takes a wider one. */
function spare(word) {
  return '&#160;'.repeat(Math.ceil(word.length / 4));
}

/** XState's names of events in plain words. */
function wordsFor(eventType) {
  if (eventType.startsWith('xstate.done.')) return 'done';
  if (eventType.startsWith('xstate.error.')) return 'error';
  const after = /^xstate\.after\.(\w+)\./.exec(eventType);
  return after ? `after ${after[1]}` : eventType;
}
