// Reads the Markdown pages: their code blocks, links and headings, each with the line it stands on.

import { readdirSync, readFileSync } from 'node:fs';
import GithubSlugger from 'github-slugger';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { toString } from 'mdast-util-to-string';

/**
 * @typedef {{ file: string, line: number, endLine: number, language: string, text: string,
 *   note: string }} Block
 *   `note` is the comment right above a block: `<!-- output: examples/00-quick-start.ts -->`.
 * @typedef {{ file: string, line: number, target: string, text: string }} Link
 * @typedef {{ file: string, blocks: Block[], links: Link[], anchors: Set<string> }} Page
 */

/** Every page of the repository, the README first. */
export function pageFiles() {
  const top = readdirSync('.').filter((name) => name.endsWith('.md'));
  const below = readdirSync('docs', { recursive: true })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name.replaceAll('\\', '/')}`)
    // Made by typedoc, not kept.
    .filter((name) => !name.startsWith('docs/api/'));
  return [...top.sort().reverse(), ...below.sort()];
}

/** @returns {Page} */
export function readPage(file) {
  const slugger = new GithubSlugger();
  const page = { file, blocks: [], links: [], anchors: new Set() };
  visit(fromMarkdown(readFileSync(file, 'utf8')), undefined, (node, previous) => {
    const at = { file, line: node.position?.start.line ?? 1 };
    if (node.type === 'heading') page.anchors.add(slugger.slug(toString(node)));
    if (node.type === 'link' || node.type === 'image' || node.type === 'definition') {
      page.links.push({ ...at, target: node.url, text: toString(node) });
    }
    if (node.type === 'code') {
      const language = node.lang ?? '';
      const endLine = node.position.end.line;
      page.blocks.push({ ...at, endLine, language, text: node.value, note: noteAbove(previous) });
    }
  });
  return page;
}

function visit(node, previous, look) {
  look(node, previous);
  let last;
  for (const child of node.children ?? []) {
    visit(child, last, look);
    last = child;
  }
}

function noteAbove(node) {
  const note = node?.type === 'html' ? /^<!--\s*([\s\S]*?)\s*-->$/.exec(node.value) : undefined;
  return note?.[1] ?? '';
}
